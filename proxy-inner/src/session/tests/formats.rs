//! Every format, both ways.

use oftp::Format;
use store::{RecordForm, State, TransferId};

use super::world::{Side, content, meet_well, records, two};

/// A file, how it is queued, and how it arrives.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) format: Format,
    pub(super) record_length: u32,
    pub(super) content: Vec<u8>,
}

pub(super) fn samples() -> Vec<Sample> {
    let sample = |name, format, record_length, content| Sample {
        name,
        format,
        record_length,
        content,
    };
    let text: Vec<u8> = (0..5_000)
        .flat_map(|line| format!("line {line}\r\n").into_bytes())
        .collect();
    vec![
        sample("stream", Format::Unstructured, 0, content(300_001)),
        sample("empty-stream", Format::Unstructured, 0, Vec::new()),
        sample("runs", Format::Unstructured, 0, vec![b' '; 200_000]),
        sample("text", Format::Text, 0, text),
        sample("fixed", Format::Fixed, 80, content(80 * 2_000)),
        sample("one-fixed", Format::Fixed, 9_000, content(9_000)),
        sample("empty-fixed", Format::Fixed, 80, Vec::new()),
        sample(
            "variable",
            Format::Variable,
            9_999,
            records((0..3_000).map(|n| n * 37 % 500).chain([9_999, 0, 0, 1])),
        ),
        sample("empty-variable", Format::Variable, 100, Vec::new()),
        sample("empty-records", Format::Variable, 1, records([0; 700])),
    ]
}

fn queue(side: &Side, sample: &Sample) -> TransferId {
    side.queue_as(sample.name, &sample.content, |new| {
        new.format = sample.format;
        new.record_length = sample.record_length;
    })
}

/// octets, records and counts are the same on the other side, both
/// ways in one session, compressed and not.
#[tokio::test]
async fn files_of_every_format_arrive_as_they_left_both_ways_in_one_session() {
    for compression in [true, false] {
        let (us, them) = two();
        us.change_partner(|partner| partner.compression = compression);
        let samples = samples();
        let sent: Vec<_> = samples.iter().map(|sample| queue(&us, sample)).collect();
        let answered: Vec<_> = samples.iter().map(|sample| queue(&them, sample)).collect();
        let (report, answer) = meet_well(&us, &them).await;
        let count = samples.len() as u64;
        assert_eq!(
            (report.moved.files_out, report.moved.files_in),
            (count, count)
        );
        assert_eq!(answer.moved.receipts_in, count);
        for (side, ids) in [(&us, sent), (&them, answered)] {
            for (id, sample) in ids.into_iter().zip(&samples) {
                let transfer = side.transfer(id);
                assert_eq!(transfer.state, State::Acknowledged, "{}", sample.name);
            }
        }
        for (side, other) in [(&us, &them), (&them, &us)] {
            let mut left: Vec<_> = samples
                .iter()
                .map(|sample| sample.content.clone())
                .collect();
            let mut arrived = side.inbox();
            left.sort();
            arrived.sort();
            assert!(arrived == left, "files differ");
            for transfer in side.received() {
                let there = other
                    .sent()
                    .into_iter()
                    .find(|sent| sent.file == transfer.file)
                    .unwrap();
                assert_eq!(transfer.format, there.format);
                assert_eq!(transfer.octets, there.octets);
                assert_eq!(transfer.records, there.records);
                assert_eq!(transfer.record_length, there.record_length);
            }
        }
    }
}

#[tokio::test]
async fn lines_become_records_and_records_lines_where_partners_are_set_so() {
    let (us, them) = two();
    them.change_partner(|partner| partner.records = RecordForm::Lines);
    let lines = b"first\n\nthird, with CR\r\nlast\n";
    let sent = us.queue_as("lines", lines, |new| {
        new.format = Format::Variable;
        new.record_length = 80;
        new.records = RecordForm::Lines;
    });
    meet_well(&us, &them).await;
    assert_eq!(us.transfer(sent).records, 4);
    assert_eq!(them.received()[0].records, 4);
    assert_eq!(them.inbox(), [lines.to_vec()]);
}
