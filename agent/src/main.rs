//! The program `gumshoe-agent`; see the library.

fn main() -> std::process::ExitCode {
    gumshoe_agent::main()
}
