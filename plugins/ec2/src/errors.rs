//! What EC2 says when it refuses, what it means, and what a person can do.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use banquet_sdk::{Error, ErrorKind};

/// What a refusal means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is none of it now: another type, another subnet or another time may do.
    Capacity,
    /// No spot machine at this price, or none at all.
    Spot,
    /// The account may not have more of it.
    Quota,
    /// Too many requests, even after the client's own patience.
    Throttled,
    /// What was named is not there.
    Absent,
    /// There is one of this name.
    Duplicate,
    /// Something else still uses it.
    InUse,
    /// The token was used with other parameters: an earlier call got through.
    Mismatch,
    /// Not allowed, or nobody known.
    Forbidden,
    /// A value of the configuration is wrong.
    Value,
    /// No answer came: it may have been done or not.
    Silence,
    /// Anything else.
    Other,
}

/// One refusal.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// EC2's code (`InvalidAMIID.NotFound`), empty where none came.
    pub code: String,
    /// EC2's own words.
    pub message: String,
    /// Whether EC2 answered at all.
    answered: bool,
}

impl<E> From<SdkError<E>> for Refusal
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let text = with_root(&error);
        let never_sent = matches!(error, SdkError::ConstructionFailure(_));
        match error.as_service_error() {
            Some(said) => Self {
                code: said.code().unwrap_or_default().into(),
                message: said.message().unwrap_or(&text).into(),
                // A fault of the service leaves open what was done before.
                answered: error
                    .raw_response()
                    .is_none_or(|it| it.status().as_u16() < 500),
            },
            None => Self {
                code: String::new(),
                message: text,
                answered: never_sent,
            },
        }
    }
}

/// An error's own words and those of what caused it in the end.
pub fn with_root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut root = error;
    while let Some(below) = root.source() {
        root = below;
    }
    match (error.to_string(), root.to_string()) {
        (own, root) if own == root => own,
        (own, root) => format!("{own}: {root}"),
    }
}

impl Refusal {
    /// What it means.
    pub fn cause(&self) -> Cause {
        match self.code.as_str() {
            "InsufficientInstanceCapacity"
            | "InsufficientHostCapacity"
            | "InsufficientReservedInstanceCapacity"
            | "InsufficientFreeAddressesInSubnet"
            | "InsufficientCapacity"
            | "Unsupported" => Cause::Capacity,
            "SpotMaxPriceTooLow" | "MaxSpotInstanceCountExceeded" => Cause::Spot,
            "InstanceLimitExceeded"
            | "VcpuLimitExceeded"
            | "SecurityGroupLimitExceeded"
            | "KeyPairLimitExceeded"
            | "VolumeLimitExceeded"
            | "MaxIOPSLimitExceeded"
            | "PendingVerification" => Cause::Quota,
            "RequestLimitExceeded" | "Throttling" | "ThrottlingException" => Cause::Throttled,
            "IdempotentParameterMismatch" => Cause::Mismatch,
            "DependencyViolation" => Cause::InUse,
            "UnauthorizedOperation"
            | "AuthFailure"
            | "OptInRequired"
            | "Blocked"
            | "RequestExpired"
            | "ExpiredToken"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "AccessDenied" => Cause::Forbidden,
            code if code.ends_with(".NotFound") || code == "InvalidAMIID.Unavailable" => {
                Cause::Absent
            }
            code if code.ends_with(".Duplicate") => Cause::Duplicate,
            code if code.starts_with("Invalid") || code.starts_with("Missing") => Cause::Value,
            _ if !self.answered => Cause::Silence,
            _ => Cause::Other,
        }
    }

    /// The key of the section that a code speaks of.
    fn key(&self) -> Option<&'static str> {
        let keys = [
            ("InvalidAMI", "/image_id"),
            ("InvalidSubnetID", "/subnet_id"),
            ("InsufficientFreeAddressesInSubnet", "/subnet_id"),
            ("InvalidGroup", "/security_group_ids"),
            ("InvalidSecurityGroupID", "/security_group_ids"),
            ("InvalidKeyPair", "/aws_ssh_key_id"),
            ("InvalidInstanceType", "/instance_type"),
            ("InvalidBlockDeviceMapping", "/block_device_mappings"),
            ("InvalidUserData", "/user_data"),
            ("InvalidZone", "/availability_zone"),
            ("InvalidIPAddress", "/private_ip_address"),
        ];
        let found = keys.iter().find(|(code, _)| self.code.starts_with(code));
        if let Some((_, key)) = found {
            return Some(key);
        }
        // Some parameters have no code of their own.
        let words = self.message.to_lowercase();
        match () {
            () if words.contains("instance type") => Some("/instance_type"),
            () if words.contains("iaminstanceprofile") => Some("/iam_profile_name"),
            () if words.contains("availability zone") => Some("/availability_zone"),
            () => None,
        }
    }

    fn hint(&self, region: &str) -> String {
        match self.cause() {
            Cause::Capacity if self.code == "InsufficientFreeAddressesInSubnet" => {
                "Name another subnet, or several: the next is tried where one is full.".into()
            }
            Cause::Capacity => "Try later, or list several values for `instance_type` and \
                                `subnet_id`: the next is tried where one cannot be had."
                .into(),
            Cause::Spot => "Raise `spot_price`, list several values for `instance_type`, or set \
                            `spot_fallback: true`."
                .into(),
            Cause::Quota => {
                format!("Ask for a higher quota in region {region}, or remove what is not needed.")
            }
            Cause::Throttled => "The account asks too much at once: run fewer instances at a time \
                                 (--concurrency), or raise `retry_limit`."
                .into(),
            Cause::Absent => format!("Check the name, and that it is in region {region}."),
            Cause::Forbidden if self.code.contains("Expired") => {
                "Log in again (aws sso login), or refresh the credentials and check the clock."
                    .into()
            }
            Cause::Forbidden => "Check which credentials are used (aws sts get-caller-identity) \
                                 and what they may do."
                .into(),
            Cause::Silence => {
                format!("Check the network, the region ({region}), `endpoint_url` and the proxy.")
            }
            _ => String::new(),
        }
    }

    /// As the contract's error: what was being done, what EC2 said, what to do.
    pub fn error(&self, doing: &str, region: &str) -> Error {
        let mut message = format!("{doing}: {}", self.message.trim_end_matches('.'));
        if !self.code.is_empty() {
            message.push_str(&format!(" ({})", self.code));
        }
        let kind = match (self.cause(), self.key()) {
            (Cause::Absent, Some(_)) | (Cause::Value | Cause::Forbidden, _) => ErrorKind::Config,
            _ => ErrorKind::Machine,
        };
        let mut error = Error::new(kind, message);
        if kind == ErrorKind::Config {
            error.key = self.key().map(Into::into);
        }
        match self.hint(region) {
            hint if hint.is_empty() => error,
            hint => error.hint(hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, message: &str) -> Refusal {
        Refusal {
            code: code.into(),
            message: message.into(),
            answered: true,
        }
    }

    #[test]
    fn codes_have_a_cause_a_kind_and_a_key() {
        let config = ErrorKind::Config;
        let machine = ErrorKind::Machine;
        for (code, cause, kind, key) in [
            (
                "InsufficientInstanceCapacity",
                Cause::Capacity,
                machine,
                None,
            ),
            (
                "InsufficientFreeAddressesInSubnet",
                Cause::Capacity,
                machine,
                None,
            ),
            ("SpotMaxPriceTooLow", Cause::Spot, machine, None),
            ("VcpuLimitExceeded", Cause::Quota, machine, None),
            ("RequestLimitExceeded", Cause::Throttled, machine, None),
            (
                "InvalidAMIID.NotFound",
                Cause::Absent,
                config,
                Some("/image_id"),
            ),
            (
                "InvalidAMIID.Malformed",
                Cause::Value,
                config,
                Some("/image_id"),
            ),
            (
                "InvalidSubnetID.NotFound",
                Cause::Absent,
                config,
                Some("/subnet_id"),
            ),
            ("InvalidKeyPair.Duplicate", Cause::Duplicate, machine, None),
            ("DependencyViolation", Cause::InUse, machine, None),
            ("UnauthorizedOperation", Cause::Forbidden, config, None),
            ("ExpiredToken", Cause::Forbidden, config, None),
            ("InternalError", Cause::Other, machine, None),
        ] {
            let refusal = refusal(code, "Said.");
            let error = refusal.error("create the machine", "eu-west-1");
            assert_eq!(refusal.cause(), cause, "{code}");
            assert_eq!((error.kind, error.key.as_deref()), (kind, key), "{code}");
            assert_eq!(error.message, format!("create the machine: Said ({code})"));
        }
    }

    #[test]
    fn a_parameter_without_a_code_of_its_own_is_found_in_the_words() {
        let refusal = refusal(
            "InvalidParameterValue",
            "Value (nobody) for parameter iamInstanceProfile.name is invalid.",
        );
        let error = refusal.error("create the machine", "eu-west-1");
        assert_eq!(error.key.as_deref(), Some("/iam_profile_name"));
    }

    #[test]
    fn what_to_do_is_said() {
        for (code, word) in [
            ("InsufficientInstanceCapacity", "instance_type"),
            ("InsufficientFreeAddressesInSubnet", "subnet"),
            ("VcpuLimitExceeded", "quota"),
            ("ExpiredToken", "Log in again"),
            ("UnauthorizedOperation", "credentials"),
            ("InvalidAMIID.NotFound", "eu-west-1"),
        ] {
            let error = refusal(code, "").error("do it", "eu-west-1");
            assert!(
                error.hints.concat().contains(word),
                "{code}: {:?}",
                error.hints
            );
        }
    }

    #[test]
    fn the_root_of_an_error_is_told() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let told = refused.to_string();
        assert_eq!(with_root(&refused), told);
        let error = banquet_sdk::Error::machine("no way");
        let wrapped = std::io::Error::other(error);
        assert_eq!(with_root(&wrapped), "no way");
    }

    #[test]
    fn silence_is_no_refusal() {
        let silent = Refusal {
            answered: false,
            ..refusal("", "dispatch failure")
        };
        assert_eq!(silent.cause(), Cause::Silence);
        let broken = Refusal {
            answered: false,
            ..refusal("InternalError", "")
        };
        assert_eq!(broken.cause(), Cause::Silence);
    }
}
