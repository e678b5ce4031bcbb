//! A consumer's connection to a connector.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Timestamp;
use super::lenient::{flag, is_empty, members, optional_text, text};
use super::migrated_from::MigratedFrom;
use super::open_enum::open_enum;

open_enum! {
    /// The progress of a connection's set-up.
    ///
    /// Source: `ConnectionState` in Apideck's OpenAPI description 10.34.0.
    pub enum ConnectionState {
        /// The connector can be added.
        Available = "available",
        /// The connection is fully configured, and API calls can be made.
        Callable = "callable",
        /// The connection was added and is not configured yet.
        Added = "added",
        /// The connection was authorised and is not configured yet.
        Authorized = "authorized",
        /// The connection does not work with its current configuration.
        Invalid = "invalid",
    }
}

open_enum! {
    /// The health of a connection.
    ///
    /// Source: `ConsumerConnection.health` in Apideck's OpenAPI description 10.34.0.
    pub enum Health {
        /// The connection works.
        Ok = "ok",
        /// The token is being refreshed.
        PendingRefresh = "pending_refresh",
        /// The consumer has to authorise again.
        NeedsAuth = "needs_auth",
        /// The consumer has to confirm.
        PendingConfirmation = "pending_confirmation",
        /// The consumer has to give consent.
        NeedsConsent = "needs_consent",
        /// Access was revoked downstream.
        Revoked = "revoked",
        /// Settings are missing.
        MissingSettings = "missing_settings",
        /// The connector's own service is degraded.
        Degraded = "degraded",
    }
}

open_enum! {
    /// The way in which a connection is authorised.
    ///
    /// Source: `AuthType` in Apideck's OpenAPI description 10.34.0.
    pub enum AuthType {
        /// OAuth 2.0.
        OAuth2 = "oauth2",
        /// An API key.
        ApiKey = "apiKey",
        /// A user name and a password.
        Basic = "basic",
        /// A method of the connector's own.
        Custom = "custom",
        /// No authorisation.
        None = "none",
    }
}

/// A consumer's connection, as it is in Vault's events.
///
/// A text that Apideck left out is empty. `Debug` does not print `settings` and `metadata`, because
/// they may hold end-user credentials.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// Id of the connection, such as `crm+salesforce` or `1111+test_user_id`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub id: String,
    /// Id of the consumer: your customer, for whom the Vault session was opened.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub consumer_id: String,
    /// The unified API of the connector, such as `crm`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub unified_api: String,
    /// Id of the connector, such as `salesforce`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub service_id: String,
    /// Display name of the connector, such as `Salesforce`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub name: String,
    /// URL of the connector's icon.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub icon: String,
    /// URL of the connector's logo.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub logo: String,
    /// URL of the connector's website.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub website: String,
    /// Description of the connector in one sentence.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub tag_line: String,
    /// The way in which the connection is authorised.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub auth_type: AuthType,
    /// `true` if the consumer has switched the connection on.
    #[serde(default, deserialize_with = "flag", skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Progress of the set-up.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub state: ConnectionState,
    /// Health of the connection.
    #[serde(
        default,
        deserialize_with = "optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub health: Option<Health>,
    /// Free-form settings. **They may hold end-user credentials** such as an `api_key`.
    #[serde(
        default,
        deserialize_with = "members",
        skip_serializing_if = "Option::is_none"
    )]
    pub settings: Option<Map<String, Value>>,
    /// Free-form metadata. `company_id` is the authorised organisation.
    #[serde(
        default,
        deserialize_with = "members",
        skip_serializing_if = "Option::is_none"
    )]
    pub metadata: Option<Map<String, Value>>,
    /// Time at which the connection was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Time at which the credentials expire. Apideck sends it only while a token refresh is
    /// failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_expire_at: Option<Timestamp>,
    /// Time of the last failed token refresh. Apideck sends it only while a token refresh is
    /// failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refresh_failed_at: Option<Timestamp>,
    /// Connector from which the connection was moved, if Apideck put it into the entity.
    /// [`ConnectionEvent::migrated_from`](super::ConnectionEvent::migrated_from) has it wherever
    /// Apideck put it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated_from: Option<MigratedFrom>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |map: &Option<Map<String, Value>>| {
            map.as_ref().map(|map| format!("<{} keys, not shown>", map.len()))
        };
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("consumer_id", &self.consumer_id)
            .field("unified_api", &self.unified_api)
            .field("service_id", &self.service_id)
            .field("name", &self.name)
            .field("auth_type", &self.auth_type)
            .field("enabled", &self.enabled)
            .field("state", &self.state)
            .field("health", &self.health)
            .field("settings", &hidden(&self.settings))
            .field("metadata", &hidden(&self.metadata))
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .field("credentials_expire_at", &self.credentials_expire_at)
            .field("last_refresh_failed_at", &self.last_refresh_failed_at)
            .field("migrated_from", &self.migrated_from)
            .finish_non_exhaustive()
    }
}
