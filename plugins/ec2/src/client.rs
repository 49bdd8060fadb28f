//! The way to the API: region, credentials, proxy, patience.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::interceptors::InterceptorContext;
use aws_sdk_ec2::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::{
    Credentials, ProvideCredentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, Connector, tls};
use banquet_sdk::{Error, ErrorKind, Result, State};
use tokio::sync::Mutex;

use crate::errors::{Refusal, with_root};
use crate::settings::Settings;

/// State keys: an instance stays where it was made, whatever the configuration says later.
pub const REGION: &str = "ec2_region";
pub const ENDPOINT: &str = "ec2_endpoint";

/// Longest time to reach the API.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest time for an answer to one attempt.
const ATTEMPT: Duration = Duration::from_secs(60);
/// Longest pause before a request is made again.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A region of an account.
#[derive(Clone, Debug)]
pub struct Account {
    /// To it.
    pub client: Client,
    /// Its name.
    pub region: String,
}

impl Account {
    /// For `map_err` of a request: what was being done when EC2 refused.
    pub fn doing<R: Into<Refusal>>(&self, what: &str) -> impl FnOnce(R) -> Error {
        move |error| self.error(what, &error.into())
    }

    /// What was being done when EC2 refused.
    pub fn error(&self, what: &str, refusal: &Refusal) -> Error {
        refusal.error(what, &self.region)
    }
}

/// Connections by what they depend on, so that credentials are looked for once.
#[derive(Debug, Default)]
pub struct Accounts {
    known: Mutex<HashMap<String, Account>>,
    /// In place of the usual places.
    credentials: Option<Credentials>,
}

impl Accounts {
    /// With these credentials, whatever the environment has.
    pub fn with_credentials(credentials: Credentials) -> Self {
        Self {
            credentials: Some(credentials),
            ..Self::default()
        }
    }

    /// The account and region of an instance.
    pub async fn get(&self, settings: &Settings, state: &State) -> Result<Account> {
        let region = state.str(REGION).map(Into::into);
        let region = region.or_else(|| settings.region.clone());
        let endpoint = state.str(ENDPOINT).map(Into::into);
        let endpoint = endpoint.or_else(|| settings.endpoint_url.clone());
        let key = format!(
            "{region:?} {endpoint:?} {:?} {:?} {}",
            settings.shared_credentials_profile, settings.http_proxy, settings.retry_limit
        );
        let mut known = self.known.lock().await;
        if let Some(account) = known.get(&key) {
            return Ok(account.clone());
        }
        let account = self.connect(settings, region, endpoint).await?;
        known.insert(key, account.clone());
        Ok(account)
    }

    async fn connect(
        &self,
        settings: &Settings,
        region: Option<String>,
        endpoint: Option<String>,
    ) -> Result<Account> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT);
        let retries = RetryConfig::standard()
            .with_max_attempts(settings.retry_limit + 1)
            .with_max_backoff(LONGEST_PAUSE);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(settings)?)
            .timeout_config(timeouts.build())
            .retry_config(retries);
        if let Some(profile) = &settings.shared_credentials_profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        let config = loader.load().await;
        let Some(region) = config.region().map(|region| region.as_ref().to_owned()) else {
            return Err(Error::config("/region", "no region is named")
                .hint("Set `region` of the driver, AWS_REGION, or `region` of the profile."));
        };
        check(config.credentials_provider(), settings).await?;
        let config = aws_sdk_ec2::config::Builder::from(&config).retry_classifier(NoCapacity);
        Ok(Account {
            client: Client::from_conf(config.build()),
            region,
        })
    }
}

/// EC2 calls a lack of capacity its own fault, after which clients ask again. Another type or place
/// is the better answer.
#[derive(Debug)]
struct NoCapacity;

impl ClassifyRetry for NoCapacity {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(|it| it.err());
        let error = error.and_then(|error| error.as_operation_error());
        let refused = error.and_then(|error| error.downcast_ref::<RunInstancesError>());
        match refused.and_then(|refused| refused.code()) {
            Some(code) if code.starts_with("Insufficient") => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "capacity"
    }
}

/// Whether there are credentials at all, before anything is noted.
async fn check(provider: Option<SharedCredentialsProvider>, settings: &Settings) -> Result<()> {
    let found = match provider {
        Some(provider) => provider.provide_credentials().await,
        None => return Err(no_credentials("none are configured", settings)),
    };
    match found {
        Ok(_) => Ok(()),
        Err(error) => Err(no_credentials(&with_root(&error), settings)),
    }
}

fn no_credentials(why: &str, settings: &Settings) -> Error {
    let message = format!("find credentials for AWS: {why}");
    let mut error = Error::new(ErrorKind::Config, message);
    if settings.shared_credentials_profile.is_some() {
        error.key = Some("/shared_credentials_profile".into());
    }
    error.hint(
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in (aws sso login), or name a profile \
         in `shared_credentials_profile` or AWS_PROFILE.",
    )
}

fn http_client(settings: &Settings) -> Result<SharedHttpClient> {
    let proxy = match &settings.http_proxy {
        Some(proxy) => ProxyConfig::all(proxy).map_err(|error| {
            // Its address may have a password.
            Error::config("/http_proxy", format!("this is no proxy: {error}"))
        })?,
        None => ProxyConfig::from_env(),
    };
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    Ok(
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder()
                .tls_provider(provider.clone())
                .proxy_config(proxy.clone());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.build()
        }),
    )
}
