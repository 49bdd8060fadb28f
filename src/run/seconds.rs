//! Times as records have them: durations are seconds with a fraction, moments are RFC 3339. Within
//! the program they are [`Duration`]s, or microseconds as `u64`.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// A duration as seconds, to the microsecond.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_micros() as f64 / 1e6)
}

/// Fails below zero, and where there are more seconds than a duration holds.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

/// Microseconds as seconds.
pub mod micros {
    use super::*;

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference"
    )]
    pub fn serialize<S: Serializer>(micros: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*micros as f64 / 1e6)
    }

    /// Fails below zero, and where it is more than 64 bits of microseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let duration = super::deserialize(deserializer)?;
        // What was written as a fraction is read to within less than a nanosecond.
        let micros = (duration + Duration::from_nanos(500)).as_micros();
        u64::try_from(micros).map_err(serde::de::Error::custom)
    }
}

/// Microseconds since 1970 as a moment.
pub mod moment {
    use super::*;

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference"
    )]
    pub fn serialize<S: Serializer>(micros: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = i64::try_from(*micros).unwrap_or(i64::MAX);
        let moment = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        serializer.collect_str(&moment)
    }

    /// Fails before 1970.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let moment = Timestamp::deserialize(deserializer)?;
        u64::try_from(moment.as_microsecond()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Sample;

    #[test]
    fn times_are_written_as_seconds_and_moments_and_read_again_exactly() {
        for micros in [0, 1, 1_500, 333_333, 86_400_000_001, 123_456_789_012] {
            let sample = Sample {
                number: 1,
                planned: 1_700_000_000_000_000 + micros,
                late: micros,
                took: micros / 3,
                error: None,
            };
            let json = serde_json::to_string(&sample).expect("JSON");
            let read: Sample = serde_json::from_str(&json).expect("a sample");
            assert_eq!(read, sample, "{json}");
        }
        let sample =
            r#"{"number":1,"planned":"2023-11-14T22:13:20.0015Z","late":0.00001,"took":0.0015}"#;
        let read: Sample = serde_json::from_str(sample).expect("a sample");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), sample);
        assert_eq!(
            (read.planned, read.late, read.took),
            (1_700_000_000_001_500, 10, 1_500)
        );
    }
}
