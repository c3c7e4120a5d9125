//! CMS objects of OFTP2 (RFC 5024 section 5.3.17, RFC 5652).
