//! Attacks, each by name: what another user of the workstation, a machine, or a file of the project
//! tries, and what comes of it. Each did harm once. They run as whoever runs the tests, those that
//! say so as an ordinary user too.

#[cfg(unix)]
mod advisories;
#[cfg(target_os = "linux")]
mod archives;
#[cfg(target_os = "linux")]
mod bounds;
#[cfg(target_os = "linux")]
mod config;
#[cfg(target_os = "linux")]
mod labels;
#[cfg(target_os = "linux")]
mod login;
mod masks;
mod messages;
#[cfg(target_os = "linux")]
mod own_directory;
#[cfg(unix)]
mod private;
#[cfg(target_os = "linux")]
mod sandbox_boot;
#[cfg(target_os = "linux")]
mod sandbox_isolation;
mod unsafe_code;
