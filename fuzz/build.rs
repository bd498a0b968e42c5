//! Every module exports its plugin header by the same name (one plugin is one library). A fuzz target that calls several modules has all of
//! them in one program, and uses none.

fn main() {
    println!("cargo::rustc-link-arg-bins=-Wl,--allow-multiple-definition");
    println!("cargo::rerun-if-changed=build.rs");
}
