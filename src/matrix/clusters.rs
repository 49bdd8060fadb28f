//! Multisuites to clusters.

use super::Matrix;
use super::levels::Item;
use super::plugins::Plugins;
use crate::config::{Config, Problems};

/// Adds the clusters of the configuration to `matrix`, and makes their instances members.
pub fn add(
    _matrix: &mut Matrix,
    _config: &Config,
    _plugins: &dyn Plugins,
    _suites: &[Item<'_>],
    _platforms: &[Item<'_>],
    _problems: &mut Problems,
) {
}
