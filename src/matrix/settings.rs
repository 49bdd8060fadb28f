//! The merged settings of a plugin, in the form that plugins read once somebody asks for them:
//! `list` and its like only want names, and a project may have thousands of instances.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use banquet_sdk::Section;

use crate::config::{self, Map, Sources};

/// A section that is made when it is first read. Not `Clone`, so that `.clone()` gives the section;
/// [`Settings::share`] gives the same settings again.
pub struct Settings(Arc<Lazy>);

struct Lazy {
    section: OnceLock<Arc<Section>>,
    merged: Map,
    sources: Sources,
}

impl Settings {
    /// The section that these settings will make.
    pub(super) fn new(merged: Map, sources: &Sources) -> Self {
        Self(Arc::new(Lazy {
            section: OnceLock::new(),
            merged,
            sources: sources.clone(),
        }))
    }

    /// The same settings for another owner.
    pub(super) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// The settings as they were merged; empty where a section was given.
    pub(super) fn merged(&self) -> &Map {
        &self.0.merged
    }
}

impl From<Section> for Settings {
    fn from(section: Section) -> Self {
        Self(Arc::new(Lazy {
            section: OnceLock::from(Arc::new(section)),
            merged: Map::new(),
            sources: Sources::default(),
        }))
    }
}

impl Deref for Settings {
    type Target = Arc<Section>;

    fn deref(&self) -> &Arc<Section> {
        let make = || Arc::new(config::section(&self.0.merged, &self.0.sources));
        self.0.section.get_or_init(make)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
