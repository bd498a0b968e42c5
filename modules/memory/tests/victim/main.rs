//! A process that holds a known text in a known kind of memory, for the tests to find.
//!
//! `memory-victim SEED SCENE…` prepares each scene, prints one line with the addresses where its text lies, and waits for
//! the end of its standard input. The text follows from the seed and is nowhere else in its memory.

#[cfg(target_os = "linux")]
mod anomalies;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod mixture;
#[cfg(target_os = "linux")]
mod scenes;
#[path = "../text.rs"]
mod text;

#[cfg(target_os = "linux")]
fn main() {
    use std::io::Write;

    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let scenes: Vec<String> = arguments.collect();
    let mut held = Vec::new();
    for scene in &scenes {
        let (name, path) = scene.split_once('=').unwrap_or((scene, ""));
        let Some(addresses) = scenes::prepare(name, path, seed, &mut held) else {
            eprintln!("there is no scene {name}");
            std::process::exit(2);
        };
        let addresses: Vec<String> = addresses.iter().map(|address| format!("{address:#x}")).collect();
        let _ = writeln!(std::io::stdout(), "{}", addresses.join(" "));
    }
    // The last scene may be the stack of this function.
    let on_stack = scenes::on_stack(seed);
    let _ = writeln!(std::io::stdout(), "stack {:#x}", on_stack.as_ptr() as usize);
    let _ = std::io::stdout().flush();
    if scenes.iter().any(|scene| scene == "execs") {
        memory::start_anew();
    }
    memory::wait_for_end();
    drop(std::hint::black_box((on_stack, held)));
}

#[cfg(not(target_os = "linux"))]
fn main() {
    let _ = text::byte(0, 0);
}
