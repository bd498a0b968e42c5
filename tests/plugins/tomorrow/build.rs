//! Makes tomorrow's ABI from today's: the same source with fields appended.

fn main() {
    const TODAY: &str = "../../../plugin-api/abi/src/lib.rs";
    println!("cargo::rerun-if-changed={TODAY}");
    let today = std::fs::read_to_string(TODAY).expect("today's ABI");
    // Inner attributes and docs cannot be included; they are repeated in src/lib.rs.
    let mut code: String =
        today.lines().skip_while(|line| !line.starts_with("use ")).map(|line| format!("{line}\n")).collect();
    let run = "    pub run: extern \"C\" fn(params: Bytes<'_>, host: HostRef, handle: Handle) -> Answer,\n";
    assert_eq!(code.matches(run).count(), 1, "the last field of today's `Plugin`");
    let appended = "    pub start: extern \"C\" fn(Bytes<'_>, HostRef, Handle) -> Answer,\n\
                    \x20   pub query: extern \"C\" fn(Bytes<'_>) -> Answer,\n\
                    \x20   pub stop: extern \"C\" fn() -> Answer,\n\
                    \x20   pub alerts: extern \"C\" fn() -> RVec<u8>,\n";
    code = code.replace(run, &format!("{run}{appended}"));
    let out = std::path::Path::new(&std::env::var_os("OUT_DIR").expect("OUT_DIR")).join("tomorrow.rs");
    std::fs::write(out, code).expect("the generated source is written");
}
