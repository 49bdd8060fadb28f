//! Machines of a cloud on this very machine: moto answers for EC2, behind each machine stands a
//! container with a real sshd (`tests/moto/cloud.py`).

mod cluster;
mod conformance;
mod crash;
mod failures;
mod kitchen;
mod machines;
mod support;
