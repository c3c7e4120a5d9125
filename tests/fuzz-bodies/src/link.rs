//! Messages of the link.

use link::message::{
    ArrivedAnswer, ClientVerdict, DialAnswer, FromDmz, FromInner, Greeting, Message, ProbeAnswer,
    SignAnswer, ToDmz, ToInner, Welcome,
};

use crate::Choices;

/// Link messages of every kind: what decodes encodes again to octets that decode to the same, and
/// is bounded by what came.
pub fn link_message(octets: &[u8]) {
    let mut choices = Choices(octets);
    let kind = choices.below(11);
    let octets = choices.rest();
    match kind {
        0 => decodes_to_itself::<Greeting>(octets),
        1 => decodes_to_itself::<Welcome>(octets),
        2 => decodes_to_itself::<ToDmz>(octets),
        3 => decodes_to_itself::<ToInner>(octets),
        4 => decodes_to_itself::<FromDmz>(octets),
        5 => decodes_to_itself::<FromInner>(octets),
        6 => decodes_to_itself::<SignAnswer>(octets),
        7 => decodes_to_itself::<ClientVerdict>(octets),
        8 => decodes_to_itself::<ArrivedAnswer>(octets),
        9 => decodes_to_itself::<DialAnswer>(octets),
        _ => decodes_to_itself::<ProbeAnswer>(octets),
    }
}

fn decodes_to_itself<T: Message + std::fmt::Debug + PartialEq>(octets: &[u8]) {
    let ceiling = T::ceiling(octets.first().copied().unwrap_or_default());
    assert!(ceiling <= 1024 * 1024, "every kind has its ceiling");
    let Ok((message, _)) = postcard::take_from_bytes::<T>(octets) else {
        return;
    };
    let again = postcard::to_allocvec(&message).expect("what was decoded can be encoded");
    // Numbers may come in a longer form than ours.
    assert!(again.len() <= octets.len());
    let back: T = postcard::from_bytes(&again).expect("our own octets");
    assert_eq!(back, message);
}
