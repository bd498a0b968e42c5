//! The text and property-list files of package managers; the first byte chooses the format.
#![no_main]

use gumshoe_packages::parse::{
    apk, brew, cargo, dpkg, flatpak, gem, npm, os_release, pacman, python, receipt, snap,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [selector, data @ ..] = bytes else { return };
    match selector % 12 {
        0 => drop(apk::packages(data).count()),
        1 => drop(brew::Receipt::parse(data).map(|receipt| receipt.seconds())),
        2 => drop(cargo::parse(data)),
        3 => {
            for paragraph in dpkg::paragraphs(data) {
                let _ = paragraph.list_name();
                let _ = paragraph.state().map(|state| paragraph.to_package(state));
            }
        }
        4 => drop(flatpak::app_version(data)),
        5 => drop(gem::parse(data)),
        6 => drop(npm::parse(data)),
        7 => drop(os_release::Distro::parse(data)),
        8 => drop(pacman::parse(data)),
        9 => drop(python::parse(data)),
        10 => drop(receipt::parse(data)),
        _ => {
            let _ = snap::SnapYaml::parse(data);
            if let Some(state) = snap::State::parse(data) {
                let _ = state.snaps().values().map(snap::Snap::revision).count();
            }
        }
    }
});
