//! RFC 5024 section 9 and the error rules of sections 4.7 and 5.3.11: what follows a broken rule.

mod breaches;
