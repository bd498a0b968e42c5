//! The program `gumshoe`; see the library.

fn main() -> std::process::ExitCode {
    gumshoe_client::main()
}
