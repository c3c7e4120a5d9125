//! What the product is for, told with both real halves on one desk: a story a file.

mod both_directions;
mod client_certificate;
mod concurrent;
mod config_examples;
mod drain;
mod follow_circuit;
mod kill;
mod link_loss;
mod memory;
mod operate;
mod receive;
mod send;
