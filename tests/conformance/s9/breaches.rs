//! A partner that breaks one rule at a time.

use engine::{Event, Origin, Request};
use rig::breach::{Breach, Reply};
use rig::script::{OURS, identity};
use rig::wire::{Wire, esid, text};

/// Every rule, broken at every level, against us as we are and against us with every deviation
/// refused: the exact answer, and what the driver is told.
///
///
///
///
///
#[test]
fn every_broken_rule_has_its_answer_at_every_level() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for &breach in Breach::ALL {
        for &level in breach.levels() {
            for strict in [false, true] {
                cases += 1;
                if let Err(what) = answers(breach, level, strict) {
                    wrong.push(format!(
                        "{breach:?}, level {level}, strict {strict}: {what}"
                    ));
                }
            }
        }
    }
    assert!(cases > 400, "only {cases} cases ran");
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn answers(breach: Breach, level: u8, strict: bool) -> Result<(), String> {
    let case = breach.case(level);
    let settings = breach.settings(level, strict);
    let mut wire = case.stage.wire(&settings, level);
    if wire.state() != case.stage.state() {
        return Err(format!("stage {:?} is {}", case.stage, wire.state()));
    }
    let now = wire.now;
    wire.session.receive(&case.line, now);
    let _ = wire.received();
    if wire.state() == "A_WF_CONRS" {
        // Who called is fine with our driver; what it said is judged with the answer.
        wire.ask(Request::ConnectResponse(Ok(identity(OURS))));
    }
    let dropped = wire.session.must_disconnect();
    let said = wire.oebs();
    let news = wire.news();
    let aborted = news.iter().find_map(|event| match event {
        Event::Aborted { reason, origin, .. } => Some((*reason, *origin)),
        _ => None,
    });
    let told = || {
        let said: Vec<String> = said.iter().map(|oeb| text(oeb)).collect();
        format!(
            "said {said:?}, news {news:?}, state {}",
            wire.session.state_name()
        )
    };
    match case.replies[usize::from(strict)] {
        Reply::Ends(code) => {
            let ours = said.iter().filter(|oeb| oeb[0] == b'F').count();
            let last = said
                .last()
                .ok_or_else(|| format!("no ESID {code}: {}", told()))?;
            let reason = last.get(1..3).map(text);
            if ours != 1 || reason.as_deref() != Some(code) || !has_form_of(last, level) {
                return Err(format!("no ESID {code} in its form: {}", told()));
            }
            let number = code.parse().ok();
            if aborted.map(|(reason, origin)| (reason.map(|it| it.0), origin))
                != Some((number, Origin::Local))
            {
                return Err(format!("the driver is not told of {code}: {}", told()));
            }
            deaf(&mut wire, level)
        }
        Reply::RefusesFile(code) => {
            let last = said.last().map(|oeb| text(&oeb[..3.min(oeb.len())]));
            if last.as_deref() != Some(&format!("5{code}")) || wire.state() != "IDLELI" {
                return Err(format!("no EFNA {code}: {}", told()));
            }
            let dropped = news.iter().any(
                |event| matches!(event, Event::FileDropped { reason, .. } if format!("{:02}", reason.0) == code),
            );
            dropped
                .then_some(())
                .ok_or_else(|| format!("the driver is not told that the file is gone: {}", told()))
        }
        Reply::Drops => {
            if !dropped || said.iter().any(|oeb| oeb[0] == b'F') || aborted.is_none() {
                return Err(format!("not dropped without a word: {}", told()));
            }
            Ok(())
        }
        Reply::Names(deviation) => {
            if !news.contains(&Event::Deviation(deviation)) {
                return Err(format!("{} is not named: {}", deviation.name(), told()));
            }
            goes_on(aborted.is_some() || dropped, &said)
                .map_err(|what| format!("{what}: {}", told()))
        }
        Reply::Takes => {
            if news
                .iter()
                .any(|event| matches!(event, Event::Deviation(_)))
            {
                return Err(format!("named: {}", told()));
            }
            goes_on(aborted.is_some() || dropped, &said)
                .map_err(|what| format!("{what}: {}", told()))
        }
    }
}

/// ESID has 4 octets below level 5, there 7 and the words, and ends in CR.
fn has_form_of(oeb: &[u8], level: u8) -> bool {
    let length = if level < 5 {
        4
    } else {
        let words = oeb
            .get(3..6)
            .map(text)
            .and_then(|it| it.parse::<usize>().ok());
        7 + words.unwrap_or(usize::MAX - 7)
    };
    oeb.len() == length && oeb.last() == Some(&0x0D)
}

/// After our ESID nothing is heard and nothing is said.
fn deaf(wire: &mut Wire, level: u8) -> Result<(), String> {
    for oeb in [b"R".to_vec(), b"Q".to_vec(), esid(level, "02")] {
        wire.hears(&oeb);
    }
    let (said, news) = (wire.says(), wire.news());
    (said.is_empty() && news.is_empty())
        .then_some(())
        .ok_or_else(|| format!("after ESID said {said:?}, news {news:?}"))
}

fn goes_on(over: bool, said: &[Vec<u8>]) -> Result<(), String> {
    if over || said.iter().any(|oeb| matches!(oeb[0], b'F' | b'5' | b'3')) {
        return Err("refused".into());
    }
    Ok(())
}
