//! What a courier that was taken over may send to the warden, and the other direction: whole, and in two pieces.
#![no_main]

use gumshoe_link::{Decoder, Message, ToCourier, ToWarden};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&first, stream)) = data.split_first() else {
        return;
    };
    let border = usize::from(first).min(stream.len());
    check::<ToWarden>(stream, border);
    check::<ToCourier>(stream, border);
});

/// What is understood means the same however it comes in, and is written as it was read.
fn check<M: Message + PartialEq + std::fmt::Debug>(stream: &[u8], border: usize) {
    let whole = messages::<M>(&[stream]);
    assert_eq!(whole, messages(&[&stream[..border], &stream[border..]]));
    for message in whole {
        let mut bytes = Vec::new();
        // A document may be longer as it is written here: defaults are spelled out.
        if message.encode(&mut bytes).is_ok() {
            assert_eq!(messages::<M>(&[&bytes]), [message]);
        }
    }
}

fn messages<M: Message>(pieces: &[&[u8]]) -> Vec<M> {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.extend(piece);
        while let Ok(Some(message)) = decoder.message() {
            messages.push(message);
        }
    }
    messages
}
