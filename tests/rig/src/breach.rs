//! Every rule that a partner can break in one step, and what we answer: once as we are, once to a
//! partner whose deviations are all refused.

use engine::Settings;
use oftp::{Deviation, Deviations, Mode};

use crate::stage::{Stage, terms};
use crate::wire::{Offer, Terms, data, efid, framed, octets, sfpa};

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// ESID with this reason, and the session is over.
    Ends(&'static str),
    /// EFNA with this reason; the session goes on.
    RefusesFile(&'static str),
    /// The connection is dropped without a word.
    Drops,
    /// Taken, and named to the driver.
    Names(Deviation),
    /// Taken as if nothing were.
    Takes,
}

use Reply::{Drops, Ends, Names, RefusesFile, Takes};

/// One broken rule.
#[derive(Debug)]
pub struct Case {
    pub stage: Stage,
    /// What the partner says, stream headers included.
    pub line: Vec<u8>,
    /// Our answer, and our answer where deviations are refused.
    pub replies: [Reply; 2],
}

const EVERY: &[u8] = &[1, 2, 4, 5];
const FROM_4: &[u8] = &[4, 5];
const BELOW_4: &[u8] = &[1, 2];
const BELOW_5: &[u8] = &[1, 2, 4];
const ONLY_5: &[u8] = &[5];

macro_rules! breaches {
    ($($(#[$doc:meta])* $name:ident at $levels:ident, $stage:expr => $lenient:expr, $strict:expr; $says:expr;)+) => {
        /// A rule that a partner can break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Breach { $($(#[$doc])* $name,)+ }

        impl Breach {
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Levels at which it can be broken.
            pub fn levels(self) -> &'static [u8] {
                match self { $(Self::$name => $levels,)+ }
            }

            /// How it is broken at this level.
            pub fn case(self, level: u8) -> Case {
                let (stage, replies, line) = match self {
                    $(Self::$name => {
                        let says: fn(u8) -> Vec<u8> = $says;
                        ($stage, [$lenient, $strict], says(level))
                    })+
                };
                Case { stage, line, replies }
            }
        }
    };
}

breaches! {
    /// Stream header of version 2.
    HeaderVersion at EVERY, Stage::Listener => Drops, Drops; |_| vec![0x20, 0, 0, 5, b'R'];
    /// Stream header with a flag set.
    HeaderFlags at EVERY, Stage::Listener => Takes, Takes; |_| vec![0x11, 0, 0, 5, b'R'];
    /// Stream header that counts less than itself and one octet.
    HeaderTooShort at EVERY, Stage::Listener => Ends("07"), Ends("07"); |_| vec![0x10, 0, 0, 4];
    /// Stream header of more than 100003 octets.
    HeaderTooLong at EVERY, Stage::Listener => Ends("07"), Ends("07"); |_| vec![0x10, 1, 0x86, 0xA4];
    /// A command that does not exist.
    UnknownCommand at EVERY, Stage::Listener => Ends("01"), Ends("01"); |_| framed(b"Q");
    /// SECD at a level that has none.
    SecdBelowLevel5 at BELOW_5, Stage::Listener => Ends("01"), Ends("01"); |_| framed(b"J");
    /// NERP at a level that has none.
    NerpBelowLevel4 at BELOW_4, Stage::Listener => Ends("01"), Ends("01"); |_| framed(b"N");

    /// SSRM with other words.
    WrongGreeting at EVERY, Stage::Greeting => Ends("06"), Ends("06"); |_| framed(&octets("IODETTE·FTP·STEADY<0D>"));
    /// SSID before SSRM.
    NoGreeting at EVERY, Stage::Greeting => Ends("02"), Ends("02"); |level| framed(&Terms::at(level).ssid());
    /// SSID that ends in neither 0x0D nor 0x8D.
    WrongEndOfSsid at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.end = b'!');
    /// SSID without its last octet.
    NoEndOfSsid at EVERY, Stage::Opening => Ends("07"), Ends("07"); |level| { let mut ssid = Terms::at(level).ssid(); ssid.pop(); framed(&ssid) };
    /// SSID that ends in a line feed.
    LineFeed at EVERY, Stage::Opening => Names(Deviation::LineFeedForCarriageReturn), Ends("06"); |level| ssid(level, |terms| terms.end = 0x0A);
    /// Level 0.
    LevelZero at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.level = '0');
    /// Level 3.
    LevelThree at EVERY, Stage::Opening => Names(Deviation::UndefinedLevel), Ends("06"); |level| ssid(level, |terms| terms.level = '3');
    /// SSIDSDEB below 128.
    BufferTooSmall at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.buffer = "00127");
    /// Letters in SSIDSDEB.
    BufferNotANumber at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.buffer = "04O96");
    /// SSIDSR outside S, R, B.
    ModeUnknown at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.mode = 'X');
    /// SSIDCMPR outside Y, N.
    CompressionUnknown at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.compression = 'X');
    /// No credit at all.
    CreditZero at EVERY, Stage::Opening => Ends("06"), Ends("06"); |level| ssid(level, |terms| terms.credit = "000");
    /// Special logic over TCP.
    SpecialLogic at EVERY, Stage::Opening => Names(Deviation::SpecialLogicOffered), Ends("10"); |level| ssid(level, |terms| terms.special_logic = 'Y');
    /// Octets in SSIDRSV1, which are nobody's business.
    ReservedOctets at EVERY, Stage::Opening => Takes, Takes; |level| ssid(level, |terms| terms.reserved = "JUNK");
    /// Octet 47 below level 5.
    ReservedOctet47 at BELOW_5, Stage::Opening => Takes, Takes; |level| ssid(level, |terms| terms.authentication = 'Y');
    /// Authentication asked by the caller alone.
    AuthenticationAsked at ONLY_5, Stage::Opening => Ends("12"), Ends("12"); |level| ssid(level, |terms| terms.authentication = 'Y');

    /// Authentication answered Y to N.
    AuthenticationAnswered at ONLY_5, Stage::Answer => Ends("12"), Ends("12"); |level| ssid(level, |terms| terms.authentication = 'Y');
    /// More credit answered than offered.
    MoreCreditAnswered at EVERY, Stage::Answer => Ends("02"), Ends("02"); |level| ssid(level, |terms| terms.credit = "009");
    /// Restart answered Y to N.
    RestartAnswered at EVERY, Stage::Answer => Ends("10"), Ends("10"); |level| ssid(level, |terms| terms.restart = 'Y');
    /// A larger buffer answered.
    LargerBufferAnswered at EVERY, Stage::Answer => Names(Deviation::LargerBufferAnswered), Ends("10"); |level| ssid(level, |terms| terms.buffer = "04097");
    /// A higher level answered.
    HigherLevelAnswered at BELOW_5, Stage::Answer => Names(Deviation::HigherLevelAnswered), Ends("10"); |level| ssid(level, |terms| { terms.level = '5'; terms.authentication = 'N'; });
    /// B answered to S.
    WiderModeAnswered at EVERY, Stage::Answer => Names(Deviation::WiderModeAnswered), Ends("10"); |level| ssid(level, |terms| terms.mode = 'B');
    /// S answered to S.
    TwoSenders at EVERY, Stage::Answer => Ends("10"), Ends("10"); |level| ssid(level, |terms| terms.mode = 'S');

    /// AURP before any challenge.
    ResponseFirst at ONLY_5, Stage::Securing => Ends("02"), Ends("02"); |_| framed(&[b"S".as_slice(), &[0; 20]].concat());
    /// A file instead of the authentication that was agreed.
    FileBeforeAuthentication at ONLY_5, Stage::Securing => Ends("02"), Ends("02"); |level| framed(&Offer::at(level).sfid());
    /// SECD in answer to SECD.
    SecdTwice at ONLY_5, Stage::Challenging => Ends("02"), Ends("02"); |_| framed(b"J");
    /// A challenge whose length does not fit.
    ChallengeTooShort at ONLY_5, Stage::Challenging => Ends("07"), Ends("07"); |_| framed(&octets("A<00><05>1234"));
    /// A response that is not the challenge.
    WrongResponse at ONLY_5, Stage::Responding => Ends("11"), Ends("11"); |_| framed(b"Sa wrong secret octet");
    /// A response of 19 octets.
    ResponseTooShort at ONLY_5, Stage::Responding => Ends("07"), Ends("07"); |_| framed(b"Stoo short an answer");

    /// SFID to a side that only sends.
    FileToASender at EVERY, Stage::Listener => Ends("02"), Ends("02"); |level| framed(&Offer::at(level).sfid());
    /// SFID with a restart that was not agreed.
    RestartNotAgreed at EVERY, Stage::Listener => Ends("02"), Ends("02"); |level| offer(level, |offer| offer.restart = 1);
    /// SFIDFMT outside F, V, U, T.
    FormatUnknown at EVERY, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.format = 'S');
    /// A record length for a U file.
    RecordLengthOfAStream at EVERY, Stage::Listener => Names(Deviation::StreamWithRecordLength), Ends("06"); |level| offer(level, |offer| offer.record_length = "00080");
    /// Letters in SFIDLRECL.
    RecordLengthNotANumber at EVERY, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.record_length = "0008O");
    /// SFIDSEC outside 00 to 03.
    SecurityUnknown at ONLY_5, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.services = "040000N");
    /// SFIDCOMP outside 0, 1.
    FileCompressionUnknown at ONLY_5, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.services = "000020N");
    /// SFIDENV outside 0, 1.
    EnvelopeUnknown at ONLY_5, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.services = "000002N");
    /// SFIDSIGN outside Y, N.
    SignUnknown at ONLY_5, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.services = "000000X");
    /// A date that is no number.
    DateNotANumber at FROM_4, Stage::Listener => Ends("06"), Ends("06"); |level| offer(level, |offer| offer.date = "2024112X");
    /// The thirtieth of February.
    ImpossibleDate at EVERY, Stage::Listener => Names(Deviation::ImpossibleDate), Ends("06"); |level| offer(level, |offer| offer.date = "20240230");
    /// Counter 0000.
    CounterZero at FROM_4, Stage::Listener => Names(Deviation::CounterZero), Ends("06"); |level| offer(level, |offer| offer.time = "0102030000");
    /// Lower case in a dataset name.
    LowerCase at EVERY, Stage::Listener => Names(Deviation::OutsideCharacterSet), Ends("06"); |level| offer(level, |offer| offer.dataset = "file");
    /// A blank inside a dataset name.
    BlankInside at EVERY, Stage::Listener => Names(Deviation::EmbeddedSpace), Ends("06"); |level| offer(level, |offer| offer.dataset = "MY FILE");
    /// An octet too many.
    OctetTooMany at EVERY, Stage::Listener => Ends("07"), Ends("07"); |level| framed(&[&Offer::at(level).sfid(), b" ".as_slice()].concat());
    /// An octet too few.
    OctetMissing at EVERY, Stage::Listener => Ends("07"), Ends("07"); |level| { let mut sfid = Offer::at(level).sfid(); sfid.pop(); framed(&sfid) };
    /// A description longer than its buffer.
    DescriptionMissing at ONLY_5, Stage::Listener => Ends("07"), Ends("07"); |level| { let mut sfid = Offer::at(level).sfid(); sfid.truncate(162); sfid.extend_from_slice(b"009short"); framed(&sfid) };
    /// DATA without a file.
    DataWithoutFile at EVERY, Stage::Listener => Ends("02"), Ends("02"); |_| framed(&data(b"abc", true));
    /// EFID without a file.
    EndWithoutFile at EVERY, Stage::Listener => Ends("02"), Ends("02"); |level| framed(&efid(level, 0, 0));
    /// A hash in an unsigned receipt.
    HashWithoutSignature at ONLY_5, Stage::Listener => Names(Deviation::HashWithoutSignature), Ends("06"); |level| { let mut eerp = Offer::at(level).eerp(); eerp.truncate(106); eerp.extend_from_slice(&octets("<00><04>hash<00><00>")); framed(&eerp) };
    /// A listener's command to a listener.
    AnswerToAListener at EVERY, Stage::Listener => Ends("02"), Ends("02"); |_| framed(b"4N");
    /// SSID within the session: table S1 has a plain disconnect.
    SsidAgain at EVERY, Stage::Listener => Drops, Drops; |level| framed(&Terms::at(level).ssid());
    /// SSRM within the session.
    SsrmAgain at EVERY, Stage::Listener => Ends("02"), Ends("02"); |_| framed(&octets(crate::wire::SSRM));
    /// CD in answer to CD that was not asked for.
    TurnHandedBack at EVERY, Stage::Given => Ends("02"), Ends("02"); |_| framed(b"R");

    /// A restart beyond the offer.
    AnswerBeyondOffer at EVERY, Stage::Offered => Ends("02"), Ends("02"); |level| framed(&sfpa(level, 1));
    /// Letters in SFPAACNT.
    AnswerNotANumber at EVERY, Stage::Offered => Ends("06"), Ends("06"); |level| { let mut sfpa = sfpa(level, 0); sfpa[1] = b'A'; framed(&sfpa) };
    /// SFNARRTR outside Y, N.
    RetryUnknown at EVERY, Stage::Offered => Ends("06"), Ends("06"); |level| framed(&crate::wire::sfna(level, "02", 'X'));
    /// CDT in answer to SFID.
    CreditForAnOffer at EVERY, Stage::Offered => Ends("02"), Ends("02"); |_| framed(b"C  ");
    /// A receipt from the listener.
    ReceiptFromAListener at EVERY, Stage::Offered => Ends("02"), Ends("02"); |level| framed(&Offer::at(level).eerp());
    /// CDT while credit is left.
    CreditTooEarly at EVERY, Stage::Sending => Ends("02"), Ends("02"); |_| framed(b"C  ");
    /// EFPA before EFID.
    AcceptedTooEarly at EVERY, Stage::Sending => Ends("02"), Ends("02"); |_| framed(b"4N");
    /// EFPACD outside Y, N.
    TurnUnknown at EVERY, Stage::Closing => Ends("06"), Ends("06"); |_| framed(b"4X");
    /// SFPA instead of EFPA.
    WrongAnswer at EVERY, Stage::Closing => Ends("02"), Ends("02"); |level| framed(&sfpa(level, 0));
    /// CD instead of RTR.
    TurnInsteadOfReady at EVERY, Stage::ReceiptSent => Ends("02"), Ends("02"); |_| framed(b"R");
    /// RTR without a receipt.
    ReadyWithoutReceipt at EVERY, Stage::Speaker => Ends("02"), Ends("02"); |_| framed(b"P");
    /// A file from the listener.
    FileFromAListener at EVERY, Stage::Speaker => Ends("02"), Ends("02"); |level| framed(&Offer::at(level).sfid());
    /// A file where CD was asked for.
    FileInsteadOfTurn at EVERY, Stage::TurnAwaited => Ends("02"), Ends("02"); |level| framed(&Offer::at(level).sfid());

    /// DATA that does not wait for credit. Our CDT goes out with the buffer that uses the last one,
    /// so that a speaker ahead of it cannot be told from one that waited.
    CreditNotAwaited at EVERY, Stage::Receiving('U') => Takes, Takes; |_| framed(b"D").repeat(9);
    /// DATA far beyond the agreed size.
    DataFarTooLong at EVERY, Stage::Receiving('U') => Ends("07"), Ends("07"); |_| framed(&[b'D'].into_iter().chain([0; 4200]).collect::<Vec<u8>>());
    /// DATA one octet beyond the agreed size.
    DataTooLong at EVERY, Stage::Receiving('U') => Names(Deviation::OversizedData), Ends("07"); |_| framed(&[b'D'].into_iter().chain([0; 4096]).collect::<Vec<u8>>());
    /// A compressed subrecord that was not agreed.
    CompressionNotAgreed at EVERY, Stage::Receiving('U') => Ends("06"), Ends("06"); |_| framed(&octets("D<C3>a"));
    /// A subrecord beyond its buffer.
    SubrecordOverrun at EVERY, Stage::Receiving('U') => Ends("07"), Ends("07"); |_| framed(&octets("D<84>abc"));
    /// A receipt within a file.
    ReceiptWithinAFile at EVERY, Stage::Receiving('U') => Ends("02"), Ends("02"); |level| framed(&Offer::at(level).eerp());
    /// CD within a file.
    TurnWithinAFile at EVERY, Stage::Receiving('U') => Ends("02"), Ends("02"); |_| framed(b"R");
    /// EFIDUCNT that is not what came.
    WrongOctetCount at EVERY, Stage::Receiving('U') => RefusesFile("11"), RefusesFile("11"); |level| file(level, &[data(b"abc", true)], 0, 4);
    /// Octets after the end of the file.
    DataAfterTheEnd at EVERY, Stage::Receiving('U') => RefusesFile("11"), RefusesFile("11"); |level| file(level, &[data(b"abc", true), data(b"d", true)], 0, 4);
    /// No end flag.
    NoEndFlag at EVERY, Stage::Receiving('U') => Names(Deviation::EndOfRecordMissing), RefusesFile("10"); |level| file(level, &[data(b"abc", false)], 0, 3);
    /// An empty U file without DATA.
    NoData at EVERY, Stage::Receiving('U') => Names(Deviation::EmptyFileWithoutData), RefusesFile("10"); |level| file(level, &[], 0, 0);
    /// A record count for a U file.
    RecordCountOfAStream at EVERY, Stage::Receiving('U') => Names(Deviation::StreamWithRecordCount), RefusesFile("10"); |level| file(level, &[data(b"abc", true)], 1, 3);
    /// A wrong record count for an F file.
    WrongRecordCountOfFixed at EVERY, Stage::Receiving('F') => RefusesFile("10"), RefusesFile("10"); |level| file(level, &[data(b"abc", true)], 2, 3);
    /// A wrong record count for a V file.
    WrongRecordCountOfVariable at EVERY, Stage::Receiving('V') => RefusesFile("10"), RefusesFile("10"); |level| file(level, &[data(b"ab", true), data(b"c", true)], 1, 3);
    /// A record of an F file that is too short.
    RecordTooShort at EVERY, Stage::Receiving('F') => RefusesFile("05"), RefusesFile("05"); |level| file(level, &[data(b"ab", true)], 1, 2);
    /// A record of a V file beyond SFIDLRECL.
    RecordTooLong at EVERY, Stage::Receiving('V') => RefusesFile("05"), RefusesFile("05"); |level| file(level, &[data(b"abcd", true)], 1, 4);
    /// The last record of a V file without its end.
    RecordWithoutEnd at EVERY, Stage::Receiving('V') => RefusesFile("10"), RefusesFile("10"); |level| file(level, &[data(b"abc", false)], 1, 3);
}

impl Breach {
    /// What we are, so that the rule can be broken.
    pub fn settings(self, level: u8, strict: bool) -> Settings {
        let mut settings = terms(level);
        match self {
            Self::FileToASender | Self::TwoSenders | Self::WiderModeAnswered => {
                settings.mode = Mode::Send;
            }
            Self::RestartNotAgreed | Self::RestartAnswered => settings.restart = false,
            Self::CompressionNotAgreed => settings.compression = false,
            Self::ResponseFirst
            | Self::FileBeforeAuthentication
            | Self::SecdTwice
            | Self::ChallengeTooShort
            | Self::WrongResponse
            | Self::ResponseTooShort => settings.authentication = true,
            _ => {}
        }
        if strict {
            settings.refused = Deviations::all();
        }
        settings
    }
}

fn ssid(level: u8, change: impl FnOnce(&mut Terms)) -> Vec<u8> {
    let mut terms = Terms::at(level);
    change(&mut terms);
    framed(&terms.ssid())
}

fn offer(level: u8, change: impl FnOnce(&mut Offer)) -> Vec<u8> {
    let mut offer = Offer::at(level);
    change(&mut offer);
    framed(&offer.sfid())
}

/// DATA buffers and EFID.
fn file(level: u8, buffers: &[Vec<u8>], records: u64, octets: u64) -> Vec<u8> {
    let mut line: Vec<u8> = buffers.iter().flat_map(|buffer| framed(buffer)).collect();
    line.extend(framed(&efid(level, records, octets)));
    line
}
