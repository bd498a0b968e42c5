//! Loads a plugin through tomorrow's ABI and prints what it has, one `field=value` a line.

use abi_stable::library::AbiHeaderRef;
use gumshoe_plugin_abi::{SYMBOL, abi_stable};

fn main() {
    let path = std::env::args_os().nth(1).expect("the path of a plugin");
    // SAFETY: the test that starts this built the plugin itself.
    let library = unsafe { libloading::Library::new(path) }.expect("the plugin loads");
    // SAFETY: a plugin exports its header under this name.
    let header: AbiHeaderRef = unsafe { *library.get(SYMBOL).expect("the header") };
    std::mem::forget(library);
    let plugin = gumshoe_plugin_abi::table(header).expect("the layouts fit");
    println!("describe={}", String::from_utf8_lossy(&plugin.describe()()));
    println!("start={:?}", plugin.start().map(|_| ()));
    println!("query={:?}", plugin.query().map(|_| ()));
    println!("stop={:?}", plugin.stop().map(|_| ()));
    println!("alerts={:?}", plugin.alerts().map(|_| ()));
}
