//! Components in Python, run by the host's side of the multilang protocol: with Apache Storm's own `storm.py`, and with ours.

mod multilang {
    mod bolts;
    mod child;
    mod driver;
    mod faults;
    mod spouts;
}
