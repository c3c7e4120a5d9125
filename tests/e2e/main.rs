//! What the product is for, told with both real halves on one desk: a story a file.

mod authentication;
mod both_directions;
mod client_certificate;
mod concurrent;
mod config_examples;
mod drain;
mod follow_circuit;
mod formats;
mod gateway;
mod keys;
mod kill;
mod levels;
mod link_loss;
mod memory;
mod operate;
mod plain;
mod receipts;
mod receive;
mod restart;
mod security;
mod send;
