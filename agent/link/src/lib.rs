//! Messages between warden and courier.
