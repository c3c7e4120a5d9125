//! Whom a certificate is to name.

/// The subject of a request or of a self-signed certificate, after the Odette certificate policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Common name: the host name partners call, or a name for people; 1 to 64 characters.
    pub common_name: String,
    /// Organisation, up to 64 characters.
    pub organization: Option<String>,
    /// Country, two letters (ISO 3166).
    pub country: Option<String>,
    /// The identification code (RFC 5024 §5.4), 1 to 25 characters: becomes serialNumber (2.5.4.5)
    /// of the subject and the URI `oftp://CODE` among its other names.
    pub odette_id: String,
    /// Host names and IP addresses partners dial.
    pub dns_names: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
}
