//! What an instance may reach beyond its cluster: the setting `internet`, and destinations in words.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The setting `internet`: off, on, or on with destinations that are refused otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Internet {
    /// Nothing beyond the cluster.
    Off,
    /// All but the workstation itself, and these all the same.
    On(Vec<Destination>),
}

impl Internet {
    /// Whether there is a way out at all.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }
}

/// The way `internet` is written as a map.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    /// Addresses of the workstation, or of the link that it is on, that are reached all the same:
    /// `ADDRESS[/BITS][:PORT]`.
    #[serde(default)]
    allow: Vec<Destination>,
}

/// For the schema alone.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Written {
    Switch(bool),
    Exceptions(Exceptions),
}

impl JsonSchema for Internet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Internet".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for Internet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Internet;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("true, false or a map with `allow`")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Internet, E> {
                Ok(match on {
                    true => Internet::On(Vec::new()),
                    false => Internet::Off,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Internet, A::Error> {
                Exceptions::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|exceptions| Internet::On(exceptions.allow))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// As it is written.
impl Serialize for Internet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::On(allow) if allow.is_empty() => serializer.serialize_bool(true),
            Self::On(allow) => serializer.collect_map([("allow", allow)]),
        }
    }
}

/// Addresses, and a port or all of them: `ADDRESS[/BITS][:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    address: Ipv4Addr,
    /// Length of the prefix.
    bits: u8,
    port: Option<u16>,
}

impl JsonSchema for Destination {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Destination".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Destination {
    /// Whether `to` is one of them.
    pub fn contains(&self, to: SocketAddrV4) -> bool {
        within(*to.ip(), self.address, self.bits) && self.port.is_none_or(|port| port == to.port())
    }
}

/// Whether `address` is in the network `network/bits`.
pub fn within(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    address.to_bits() & mask == network.to_bits() & mask
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no destination: write an IPv4 address, and a length of prefix or a \
                 port where you want one, such as 127.0.0.1:8080 or 192.168.7.0/24"
            )
        };
        let (network, port) = match text.split_once(':') {
            Some((network, port)) => (network, Some(port.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let (address, bits) = network.split_once('/').unwrap_or((network, "32"));
        let bits = bits.parse().ok().filter(|bits| *bits <= 32);
        Ok(Self {
            address: address.parse().map_err(|_| wrong())?,
            bits: bits.ok_or_else(wrong)?,
            port,
        })
    }
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        let Destination {
            address,
            bits,
            port,
        } = destination;
        match port {
            Some(port) => format!("{address}/{bits}:{port}"),
            None => format!("{address}/{bits}"),
        }
    }
}

/// Who may leave a group's network, by address, and what each reaches beyond what all do.
pub type Permits = BTreeMap<Ipv4Addr, Vec<Destination>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_written_and_read() {
        let parsed = |text: &str| text.parse::<Destination>().unwrap();
        let to = |text: &str| text.parse::<SocketAddrV4>().unwrap();
        assert!(parsed("127.0.0.1:8080").contains(to("127.0.0.1:8080")));
        assert!(!parsed("127.0.0.1:8080").contains(to("127.0.0.1:8081")));
        assert!(!parsed("127.0.0.1").contains(to("127.0.0.2:1")));
        assert!(parsed("10.7.0.0/16").contains(to("10.7.9.9:1")));
        assert!(parsed("0.0.0.0/0").contains(to("9.9.9.9:1")));
        let again: String = parsed("10.7.0.0/16:53").into();
        assert_eq!(
            again.parse::<Destination>().unwrap(),
            parsed("10.7.0.0/16:53")
        );
        for wrong in [
            "",
            "localhost",
            "1.2.3.4/33",
            "1.2.3.4:",
            "::1",
            "1.2.3.4:70000",
        ] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_setting_is_a_switch_or_a_map() {
        let read = |text: &str| serde_json::from_str::<Internet>(text);
        assert_eq!(read("false").unwrap(), Internet::Off);
        assert_eq!(read("true").unwrap(), Internet::On(Vec::new()));
        let allow = read("{\"allow\": [\"127.0.0.1:80\"]}").unwrap();
        assert_eq!(allow, Internet::On(vec!["127.0.0.1:80".parse().unwrap()]));
        assert!(read("{\"deny\": []}").is_err());
        let error = read("{\"allow\": [\"localhost\"]}").unwrap_err();
        assert!(error.to_string().contains("no destination"), "{error}");
        assert!(read("\"yes\"").is_err());
    }
}
