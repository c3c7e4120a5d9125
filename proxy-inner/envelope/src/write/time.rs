//! Times in DER (RFC 5652 section 11.3).

use crate::der;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const DAY: i64 = 86_400;

/// Seconds since 1970 as Time: UTCTime for the years 1950 to 2049, GeneralizedTime after; nothing
/// for years before 1950 or after 9999.
pub(crate) fn time(epoch_seconds: i64) -> Option<Vec<u8>> {
    let (year, month, day) = date(epoch_seconds.div_euclid(DAY));
    let seconds = epoch_seconds.rem_euclid(DAY);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    match year {
        1950..=2049 => {
            let text = format!("{:02}{rest}", year % 100);
            Some(der::element(UTC_TIME, &[text.as_bytes()]))
        }
        2050..=9999 => {
            let text = format!("{year:04}{rest}");
            Some(der::element(GENERALIZED_TIME, &[text.as_bytes()]))
        }
        _ => None,
    }
}

/// Year, month and day of a day since 1970, by the rule of the Gregorian calendar.
///
/// Years are counted from March here, so that the leap day is the last of a year.
fn date(day: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    const FROM_YEAR_0_TO_1970: i64 = 719_468;
    let day = day.saturating_add(FROM_YEAR_0_TO_1970);
    let era = day.div_euclid(DAYS_OF_400_YEARS);
    let day = day.rem_euclid(DAYS_OF_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_days_that_are_easy_to_get_wrong() {
        let cases: [(i64, &[u8]); 8] = [
            (0, b"\x17\x0d700101000000Z"),
            (-1, b"\x17\x0d691231235959Z"),
            (951_782_400, b"\x17\x0d000229000000Z"),
            (1_709_251_199, b"\x17\x0d240229235959Z"),
            (1_709_251_200, b"\x17\x0d240301000000Z"),
            (2_524_607_999, b"\x17\x0d491231235959Z"),
            (2_524_608_000, b"\x18\x0f20500101000000Z"),
            (4_107_542_400, b"\x18\x0f21000301000000Z"),
        ];
        for (seconds, wanted) in cases {
            let found = time(seconds).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&found),
                String::from_utf8_lossy(wanted)
            );
        }
        for seconds in [i64::MIN, -631_152_001, 253_402_300_800, i64::MAX] {
            assert_eq!(time(seconds), None, "{seconds}");
        }
        assert!(time(-631_152_000).is_some());
        assert!(time(253_402_300_799).is_some());
    }
}
