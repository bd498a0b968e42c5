//! Several people sign one file, and an agent obeys it.

use crate::support::Desk;
use gumshoe_protocol::Envelope;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_test_services::gpg::Form;
use gumshoe_tests::signed::kinds;

fn drafted(desk: &Desk) {
    std::fs::write(desk.host.path("root/found.txt"), "x").unwrap();
    let root = desk.host.path("root");
    let root = root.to_str().unwrap();
    desk.ok(&[
        "file", "--path", root, "--name", "^found", "--target", "true", "--save", "a.json",
    ]);
}

fn envelope(desk: &Desk, name: &str) -> Envelope {
    Envelope::parse(desk.text(name).trim().as_bytes(), ENVELOPE_BYTES).unwrap()
}

fn sign(desk: &Desk, file: &str, name: &str) -> gumshoe_tests::Ended {
    desk.run(&[
        "action",
        "sign",
        file,
        "--yes",
        "--key",
        desk.people.fingerprint(name),
    ])
}

#[test]
fn an_agent_obeys_what_two_people_signed() {
    let desk = Desk::new(&["file"], &["sam", "sina"]);
    drafted(&desk);
    assert_eq!(sign(&desk, "a.json", "sam").code, 0);
    desk.people.write_policy(&desk.host, "");
    // This host wants two of them.
    let everything = "group = \"sec\"\nmodules = [\"*\"]";
    let policy = desk
        .text("config/policy.toml")
        .replace(everything, &format!("{everything}\nthreshold = 2"));
    std::fs::write(desk.path("config/policy.toml"), policy).unwrap();
    let (ended, messages) = desk.host.apply(&desk.text("a.signed.json"), &[]);
    assert_eq!(
        (ended.code, kinds(&messages)),
        (6, vec!["refused"]),
        "{messages:?}"
    );
    assert_eq!(sign(&desk, "a.signed.json", "sina").code, 0);
    let by: Vec<_> = envelope(&desk, "a.signed.json")
        .signatures
        .into_iter()
        .map(|one| one.key_id)
        .collect();
    assert_eq!(
        by,
        [desk.people.fingerprint("sam"), desk.people.fingerprint("sina")]
    );
    let verified = desk.ok(&["action", "verify", "a.signed.json"]).stdout;
    assert_eq!(
        verified.lines().filter(|line| line.starts_with("good")).count(),
        2,
        "{verified}"
    );
    let (ended, messages) = desk.host.apply(&desk.text("a.signed.json"), &[]);
    assert_eq!(
        (ended.code, kinds(&messages)),
        (0, vec!["started", "operation", "finished"]),
        "{messages:?}"
    );
}

#[test]
fn one_key_signs_once_and_an_unknown_one_not_at_all() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    assert_eq!(sign(&desk, "a.json", "sam").code, 0);
    let before = desk.text("a.signed.json");
    let twice = sign(&desk, "a.signed.json", "sam");
    assert_eq!(twice.code, 3);
    assert!(twice.stderr.contains("has signed this already"), "{twice:?}");
    // The hint is not what counts.
    let sam = desk.people.fingerprint("sam");
    let relabelled = before.replace(sam, &"0".repeat(40));
    std::fs::write(desk.path("b.json"), &relabelled).unwrap();
    assert!(
        sign(&desk, "b.json", "sam")
            .stderr
            .contains("has signed this already")
    );
    let nobody = desk.run(&["action", "sign", "a.json", "--yes", "--key", "nobody@example.org"]);
    assert!(
        nobody.stderr.contains("gpg has no secret key nobody@example.org"),
        "{nobody:?}"
    );
    assert_eq!((nobody.code, desk.text("a.signed.json")), (3, before));
}

#[test]
fn the_user_s_own_options_for_gpg_do_not_change_the_signature() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    std::fs::write(desk.people.gpg().home().join("gpg.conf"), "armor\ntextmode\n").unwrap();
    assert_eq!(sign(&desk, "a.json", "sam").code, 0);
    let signature = envelope(&desk, "a.signed.json").signatures.remove(0).signature;
    assert!(!signature.starts_with(b"-----"));
    desk.people.write_policy(&desk.host, "");
    let (ended, messages) = desk.host.apply(&desk.text("a.signed.json"), &[]);
    assert_eq!(ended.code, 0, "{messages:?}");
}

#[test]
fn a_subkey_signs_in_the_name_of_its_primary_key() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    let sam = desk.people.fingerprint("sam");
    desk.people
        .gpg()
        .add_signing_subkey(sam, "ed25519", "1y")
        .unwrap();
    assert_eq!(sign(&desk, "a.json", "sam").code, 0);
    assert_eq!(envelope(&desk, "a.signed.json").signatures[0].key_id, sam);
    desk.people.write_policy(&desk.host, "");
    assert_eq!(desk.host.apply(&desk.text("a.signed.json"), &[]).0.code, 0);
}

#[test]
fn a_key_in_a_file_signs_and_leaves_nothing_behind() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    let sam = desk.people.fingerprint("sam");
    let secret = desk.people.gpg().export_secret(sam, Form::Armoured).unwrap();
    std::fs::write(desk.path("sam.key"), secret).unwrap();
    std::fs::create_dir(desk.path("empty")).unwrap();
    let mut command = desk.command(&["action", "sign", "a.json", "--yes", "--key-file", "sam.key"]);
    let ended = gumshoe_tests::Ended::from(command.env("GNUPGHOME", desk.path("empty")).output().unwrap());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(envelope(&desk, "a.signed.json").signatures[0].key_id, sam);
    assert_eq!(std::fs::read_dir(desk.path("empty")).unwrap().count(), 0);
    std::fs::write(
        desk.path("sam.pub"),
        desk.people.gpg().export(sam, Form::Armoured).unwrap(),
    )
    .unwrap();
    let public = desk.run(&["action", "sign", "a.json", "--yes", "--key-file", "sam.pub"]);
    assert!(public.stderr.contains("holds no secret key"), "{public:?}");
}

#[test]
fn what_was_changed_after_signing_is_told() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    assert_eq!(sign(&desk, "a.json", "sam").code, 0);
    let mut changed = envelope(&desk, "a.signed.json");
    let payload = String::from_utf8(changed.payload)
        .unwrap()
        .replace("^found", "^other");
    changed.payload = payload.into_bytes();
    std::fs::write(desk.path("b.json"), changed.to_json()).unwrap();
    let ended = desk.run(&["action", "verify", "b.json"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stdout.starts_with("bad"), "{ended:?}");
}

#[test]
fn nobody_is_taken_to_have_agreed() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    let ended = desk.run(&["action", "sign", "a.json"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("say --yes"), "{ended:?}");
    assert!(!desk.path("a.signed.json").exists());
}

#[test]
fn a_file_is_shown_with_all_that_it_asks() {
    let desk = Desk::new(&["file"], &["sam"]);
    drafted(&desk);
    assert_eq!(sign(&desk, "a.json", "sam").code, 0);
    let shown = desk.ok(&["action", "show", "a.signed.json"]).stdout;
    for part in [
        "^found",
        "hosts where true",
        desk.people.fingerprint("sam"),
        "sha256",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    let json = desk.ok(&["action", "show", "a.signed.json", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, desk.json("a.json"));
}
