//! CEL's numbers: three types that compare by value and calculate only among themselves.

use std::cmp::Ordering;

use crate::node::Binary;

/// A number.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// 64 bits, signed.
    Int(i64),
    /// 64 bits, unsigned.
    Uint(u64),
    /// IEEE 754, 64 bits.
    Double(f64),
}

/// Why a calculation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// The operator does not exist for these types.
    Types,
    /// The result does not fit.
    Overflow,
    /// Division by zero, or the remainder of one.
    DivisionByZero,
}

impl Number {
    /// A number of the variables: an integer if it is one. `Variables` has refused what is neither.
    pub fn of_json(number: &serde_json::Number) -> Self {
        if let Some(number) = number.as_i64() {
            return Self::Int(number);
        }
        match number.as_u64() {
            Some(number) => Self::Uint(number),
            None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// CEL's name of the type.
    pub const fn kind_name(self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
        }
    }

    /// Order by value; none if one of them is not a number.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Double(one), Self::Double(other)) => one.partial_cmp(&other),
            (Self::Double(one), other) => {
                compare_integer_with_double(other.integer()?, one).map(Ordering::reverse)
            }
            (one, Self::Double(other)) => compare_integer_with_double(one.integer()?, other),
            (one, other) => Some(one.integer()?.cmp(&other.integer()?)),
        }
    }

    const fn integer(self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(number as i128),
            Self::Uint(number) => Some(number as i128),
            Self::Double(_) => None,
        }
    }

    /// A position in a list: numbers without a fraction.
    pub fn position(self) -> Option<usize> {
        let whole = match self {
            Self::Double(number) if number.fract() == 0.0 => truncated(number),
            number => number.integer(),
        };
        whole.and_then(|number| usize::try_from(number).ok())
    }

    /// `-number`; not for unsigned ones.
    pub const fn negate(self) -> Result<Self, NumberError> {
        match self {
            Self::Int(number) => match number.checked_neg() {
                Some(number) => Ok(Self::Int(number)),
                None => Err(NumberError::Overflow),
            },
            Self::Double(number) => Ok(Self::Double(-number)),
            Self::Uint(_) => Err(NumberError::Types),
        }
    }

    /// Calculates; operators that do not calculate do not exist for numbers here.
    pub fn calculate(self, operator: Binary, other: Self) -> Result<Self, NumberError> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => integers(operator, one, other),
            (Self::Uint(one), Self::Uint(other)) => unsigned(operator, one, other),
            (Self::Double(one), Self::Double(other)) => doubles(operator, one, other),
            _ => Err(NumberError::Types),
        }
    }

    /// `int(number)`: doubles lose what is behind the point.
    pub fn to_int(self) -> Option<i64> {
        match self {
            Self::Double(number) => i64::try_from(truncated(number)?).ok(),
            number => i64::try_from(number.integer()?).ok(),
        }
    }

    /// `uint(number)`: doubles lose what is behind the point.
    pub fn to_uint(self) -> Option<u64> {
        match self {
            Self::Double(number) if number < 0.0 => None,
            Self::Double(number) => u64::try_from(truncated(number)?).ok(),
            number => u64::try_from(number.integer()?).ok(),
        }
    }

    /// `double(number)`: the nearest one.
    #[expect(clippy::cast_precision_loss, reason = "CEL's double() rounds")]
    pub const fn to_double(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Uint(number) => number as f64,
            Self::Double(number) => number,
        }
    }
}

/// Beyond this magnitude a double is larger than every 64-bit integer.
const BEYOND_INTEGERS: f64 = 18_446_744_073_709_551_616.0;

/// What is before the point, if an `i128` can hold it for sure.
#[expect(clippy::cast_possible_truncation, reason = "bounded by 2^64 just before")]
fn truncated(number: f64) -> Option<i128> {
    (number.abs() <= BEYOND_INTEGERS).then_some(number as i128)
}

fn compare_integer_with_double(integer: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    let Some(whole) = truncated(double) else {
        return Some(if double > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    };
    // Equal before the point: what is behind it decides.
    Some(
        integer
            .cmp(&whole)
            .then_with(|| 0.0_f64.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal)),
    )
}

fn integers(operator: Binary, one: i64, other: i64) -> Result<Number, NumberError> {
    let result = match operator {
        Binary::Add => one.checked_add(other),
        Binary::Subtract => one.checked_sub(other),
        Binary::Multiply => one.checked_mul(other),
        Binary::Divide | Binary::Remainder if other == 0 => return Err(NumberError::DivisionByZero),
        Binary::Divide => one.checked_div(other),
        Binary::Remainder => one.checked_rem(other),
        _ => return Err(NumberError::Types),
    };
    result.map(Number::Int).ok_or(NumberError::Overflow)
}

fn unsigned(operator: Binary, one: u64, other: u64) -> Result<Number, NumberError> {
    let result = match operator {
        Binary::Add => one.checked_add(other),
        Binary::Subtract => one.checked_sub(other),
        Binary::Multiply => one.checked_mul(other),
        Binary::Divide | Binary::Remainder if other == 0 => return Err(NumberError::DivisionByZero),
        Binary::Divide => one.checked_div(other),
        Binary::Remainder => one.checked_rem(other),
        _ => return Err(NumberError::Types),
    };
    result.map(Number::Uint).ok_or(NumberError::Overflow)
}

fn doubles(operator: Binary, one: f64, other: f64) -> Result<Number, NumberError> {
    match operator {
        Binary::Add => Ok(Number::Double(one + other)),
        Binary::Subtract => Ok(Number::Double(one - other)),
        Binary::Multiply => Ok(Number::Double(one * other)),
        Binary::Divide => Ok(Number::Double(one / other)),
        _ => Err(NumberError::Types),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_compare_with_doubles_without_rounding() {
        let cases = [
            (Number::Int(i64::MAX), 9_223_372_036_854_775_808.0, Ordering::Less),
            (Number::Uint(u64::MAX), BEYOND_INTEGERS, Ordering::Less),
            (
                Number::Int(i64::MIN),
                -9_223_372_036_854_775_808.0,
                Ordering::Equal,
            ),
            (Number::Int(1), 1.5, Ordering::Less),
            (Number::Int(-1), -1.5, Ordering::Greater),
            (
                Number::Int(9_007_199_254_740_993),
                9_007_199_254_740_992.0,
                Ordering::Greater,
            ),
            (Number::Int(0), -0.0, Ordering::Equal),
            (Number::Int(5), f64::INFINITY, Ordering::Less),
            (Number::Int(5), f64::NEG_INFINITY, Ordering::Greater),
        ];
        for (integer, double, expected) in cases {
            assert_eq!(
                integer.compare(Number::Double(double)),
                Some(expected),
                "{integer:?} {double}"
            );
            assert_eq!(Number::Double(double).compare(integer), Some(expected.reverse()));
        }
        assert_eq!(Number::Int(1).compare(Number::Double(f64::NAN)), None);
    }

    #[test]
    fn conversions_keep_the_range() {
        assert_eq!(Number::Double(-1.9).to_int(), Some(-1));
        assert_eq!(Number::Double(9_223_372_036_854_775_808.0).to_int(), None);
        assert_eq!(Number::Double(-0.5).to_uint(), None);
        assert_eq!(Number::Double(f64::NAN).to_int(), None);
        assert_eq!(Number::Uint(u64::MAX).to_int(), None);
        assert_eq!(Number::Int(-1).to_uint(), None);
    }
}
