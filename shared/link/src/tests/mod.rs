//! Both ends of the link against each other on loopback.

mod circuits;
mod handshake;
mod life;
mod streams;
