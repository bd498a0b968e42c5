//! The server's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    gumshoe_server::commands::main()
}
