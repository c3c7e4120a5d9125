//! Pairs of our engines whose octets cross in every size and are cut at every place.
