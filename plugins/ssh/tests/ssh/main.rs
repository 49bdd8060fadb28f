//! The transport against real servers on loopback: Debian's sshd in a process of its own, and a
//! small one in this process for what an sshd needs accounts for.

mod failures;
mod files;
mod login;
mod routes;
mod server;
mod suite;
