//! The kitchen: text becomes a [`config`], a configuration becomes a [`matrix`], a matrix and a
//! command become a [`plan`], a plan [`run`]s and becomes events, events become everything that a
//! person reads ([`report`]). What must outlive the process is [`state`]; [`leftovers`] finds what
//! outlived it without being meant to.

pub mod cli;
pub mod config;
pub mod expression;
pub mod leftovers;
pub mod matrix;
pub mod plan;
pub mod registry;
pub mod report;
pub mod run;
pub mod state;
