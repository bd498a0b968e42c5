//! CEL expressions with bounds: targets and conditions.
