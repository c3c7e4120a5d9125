//! A certificate in plain words, for somebody who has to decide something.

use jiff::Timestamp;

use super::{Facts, phone};
use crate::{Role, Slot};

/// Says in plain words what a certificate is, what it is used for and what will happen when.
///
/// `uses` names who uses it (a station of ours or a partner), in which role and slot. The text
/// has several lines and ends with one.
pub fn explain(facts: &Facts, uses: &[(String, Role, Slot)], now: Timestamp) -> String {
    let mut text = Paragraphs::default();
    whose(facts, &mut text);
    validity(facts, now, &mut text);
    trust(facts, &mut text);
    text.line(&format!(
        "Its key is {}; it is signed with {}.",
        facts.key, facts.signature
    ));
    for warning in facts.warnings() {
        text.item(&format!("Mind: {warning}"));
    }

    text.gap();
    used(facts, uses, now, &mut text);

    text.gap();
    fitness(facts, &mut text);

    text.gap();
    text.line("Fingerprint (SHA-256), to compare with its owner on the phone:");
    for line in phone(&facts.fingerprint).lines() {
        text.item(line);
    }
    text.done
}

/// Lines under each other.
#[derive(Default)]
struct Paragraphs {
    done: String,
}

impl Paragraphs {
    fn line(&mut self, line: &str) {
        self.done.push_str(line);
        self.done.push('\n');
    }

    fn item(&mut self, line: &str) {
        self.done.push_str("  ");
        self.line(line);
    }

    fn deeper(&mut self, line: &str) {
        self.done.push_str("  ");
        self.item(line);
    }

    fn gap(&mut self) {
        self.done.push('\n');
    }
}

fn whose(facts: &Facts, text: &mut Paragraphs) {
    let organization = facts
        .organization
        .as_deref()
        .filter(|organization| *organization != facts.title())
        .map(|organization| format!(" of {organization}"))
        .unwrap_or_default();
    text.line(&format!(
        "This is the certificate of {}{organization} ({}).",
        facts.title(),
        facts.subject
    ));
    match &facts.odette_id {
        Some(code) => text.line(&format!("It carries the Odette ID {code}.")),
        None => text.line("It carries no Odette ID."),
    }
    for (what, list) in [
        ("hosts", &facts.names),
        ("mail addresses", &facts.emails),
        ("addresses (URI)", &facts.uris),
    ] {
        if !list.is_empty() {
            text.line(&format!("It names the {what} {}.", list.join(", ")));
        }
    }
}

fn validity(facts: &Facts, now: Timestamp, text: &mut Paragraphs) {
    let (from, until) = (day(facts.not_before), day(facts.not_after));
    if now < facts.not_before {
        let wait = facts.not_before.as_second() - now.as_second();
        text.line(&format!(
            "It is not valid yet: it starts on {from}, in {}, and ends on {until}. If that is \
             wrong, check this host's clock.",
            days(wait.div_euclid(86_400))
        ));
    } else if now > facts.not_after {
        let since = now.as_second() - facts.not_after.as_second();
        text.line(&format!(
            "It has ended: it was valid from {from} to {until}, {} ago.",
            days(since.div_euclid(86_400))
        ));
    } else {
        text.line(&format!(
            "It is valid from {from} to {until}: {} left.",
            days(facts.days_left(now))
        ));
    }
}

fn trust(facts: &Facts, text: &mut Paragraphs) {
    if facts.self_signed {
        text.line(
            "It is self-signed: nobody but its owner vouches for it, so it is trusted only where \
             it was put by hand after its fingerprint was compared.",
        );
    } else {
        text.line(&format!("It was issued by {}.", facts.issuer));
    }
}

fn used(facts: &Facts, uses: &[(String, Role, Slot)], now: Timestamp, text: &mut Paragraphs) {
    if uses.is_empty() {
        text.line("Nothing here uses it.");
        return;
    }
    text.line("It is used here:");
    for (who, role, slot) in uses {
        text.item(&format!("{who}, {role}, {slot}: {}.", role.sentence()));
        text.deeper(&format!("Slot {slot}: {}.", slot.sentence()));
        text.deeper(&ending(facts, *role, *slot, now));
        for problem in facts.fits(*role) {
            text.deeper(&format!("It does not fit: {problem}"));
        }
    }
}

/// What happens on the last day of one use.
fn ending(facts: &Facts, role: Role, slot: Slot, now: Timestamp) -> String {
    let until = day(facts.not_after);
    match (slot, now > facts.not_after) {
        (Slot::Current, false) => format!(
            "On {until}, unless another has taken its place: {}.",
            role.breaks()
        ),
        (Slot::Current, true) => format!(
            "Since {until}, unless another is in slot next: {}.",
            role.breaks()
        ),
        (Slot::Next, false) => {
            format!("If it is not in use by {until}, it is of no use any more: make another.")
        }
        (Slot::Next, true) => "It ended before it was used: make another.".to_owned(),
        (Slot::Previous, false) if role.deciphers() => format!(
            "After {until} nothing breaks that has not gone over to the new one by then; what \
             was encrypted for it can still be opened while it is kept."
        ),
        (Slot::Previous, true) if role.deciphers() => {
            "It has ended; what was encrypted for it can still be opened while it is kept."
                .to_owned()
        }
        (Slot::Previous, _) => {
            "Nothing new is made with it; it can go once nothing is under way any more.".to_owned()
        }
    }
}

fn fitness(facts: &Facts, text: &mut Paragraphs) {
    let (fit, unfit): (Vec<Role>, Vec<Role>) = Role::ALL
        .into_iter()
        .partition(|role| facts.fits(*role).is_empty());
    if fit.is_empty() {
        text.line("It fits no role.");
    } else {
        let words: Vec<_> = fit.iter().map(|role| role.word()).collect();
        text.line(&format!("It fits: {}.", words.join(", ")));
    }
    for role in unfit {
        text.line(&format!("It does not fit {role}:"));
        for problem in facts.fits(role) {
            text.item(&problem);
        }
    }
}

/// A moment as an operator writes it.
fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn days(count: i64) -> String {
    match count {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        more => format!("{more} days"),
    }
}
