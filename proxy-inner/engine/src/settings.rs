//! What one side of a session can do, will do and waits for: the constants of RFC 5024 section 9.7.

use core::time::Duration;

use oftp::{Deviations, Level, Mode, OdetteId, Password, UserField};

use crate::SettingsError;

/// What this side is able and willing to do with one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Highest protocol level spoken (SSIDLEV). Default 5.
    pub level: Level,
    /// Lowest protocol level spoken: a session that would come out lower ends with ESID 10. Default
    /// 5, so that nobody is talked down unless an operator wants it.
    pub lowest_level: Level,
    /// Largest DATA exchange buffer in octets, command octet included: 128 to 99999 (SSIDSDEB).
    /// Default 65535.
    pub buffer: u32,
    /// DATA buffers that may be sent before the receiver must grant more: 1 to 999 (SSIDCRED).
    /// Default 256.
    pub credit: u16,
    /// Whether this side sends files, receives files, or both (SSIDSR). Default both.
    pub mode: Mode,
    /// Whether compressed subrecords may be used (SSIDCMPR). Default true.
    pub compression: bool,
    /// Whether transfers may resume in the middle (SSIDREST). Default true.
    pub restart: bool,
    /// Whether secure authentication is required (SSIDAUTH); needs level 5. Default false.
    pub authentication: bool,
    /// Breaches of RFC 5024 that are refused instead of tolerated. Default: those that only an
    /// option tolerates ([`Deviations::refused_by_default`]).
    pub refused: Deviations,
    /// Time limits.
    pub timers: Timers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: Level::L5,
            lowest_level: Level::L5,
            buffer: 65_535,
            credit: 256,
            mode: Mode::Both,
            compression: true,
            restart: true,
            authentication: false,
            refused: Deviations::refused_by_default(),
            timers: Timers::default(),
        }
    }
}

impl Settings {
    /// Checks the settings by themselves. A session made from settings that fail this check is
    /// aborted from the start.
    ///
    /// # Errors
    /// The first setting that no session can run with.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.lowest_level > self.level {
            Err(SettingsError::Levels {
                highest: self.level,
                lowest: self.lowest_level,
            })
        } else if !(LEAST_BUFFER..=MOST_BUFFER).contains(&self.buffer) {
            Err(SettingsError::Buffer {
                buffer: self.buffer,
            })
        } else if !(1..=MOST_CREDIT).contains(&self.credit) {
            Err(SettingsError::Credit {
                credit: self.credit,
            })
        } else if self.authentication && !self.level.is_oftp2() {
            Err(SettingsError::Authentication { level: self.level })
        } else {
            Ok(())
        }
    }
}

/// How long a session waits for what (RFC 5024 section 4.7.2 names one timer and no length).
///
/// Each wait begins when it comes about and begins anew with whatever the awaited side does; it
/// ends at its limit and not later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// For SSRM, SSID and each step of secure authentication. A stranger holds a connection no
    /// longer than this a step; machines answer within seconds. Then ESID 09. Default 60 seconds.
    pub opening: Duration,
    /// For any other answer, data, credit or command of the partner, and for it to read what we
    /// sent. Long enough for a partner that looks something up, short enough that a dead line is
    /// noticed. Then ESID 09. Default 180 seconds.
    pub inactivity: Duration,
    /// For EFPA or EFNA after our EFID: the partner syncs, checks and hands over a file that may
    /// be large, and to give up now costs the whole transfer. Then ESID 09. Default 600 seconds.
    pub end_of_file: Duration,
    /// For the partner to disconnect after our ESID: nothing more can come of it. Default 15
    /// seconds.
    pub leave: Duration,
    /// For our own driver: its answers, its next request or octets, and taking what was received.
    /// The partner's own timer runs meanwhile; a session that our side forgot must not stay. Then
    /// ESID 08. Default 600 seconds.
    pub answer: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            opening: Duration::from_secs(60),
            inactivity: Duration::from_secs(180),
            end_of_file: Duration::from_secs(600),
            leave: Duration::from_secs(15),
            answer: Duration::from_secs(600),
        }
    }
}

/// How this side introduces itself to one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// SSIDCODE.
    pub code: OdetteId,
    /// SSIDPSWD.
    pub password: Password,
    /// SSIDUSER.
    pub user: UserField,
}

pub(crate) const LEAST_BUFFER: u32 = 128;
pub(crate) const MOST_BUFFER: u32 = 99_999;
pub(crate) const MOST_CREDIT: u16 = 999;
