//! RFC 5024, requirement by requirement: one folder a section, each test named as a sentence and
//! citing the requirement it proves.
