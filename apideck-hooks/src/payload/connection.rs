//! A consumer's connection to a connector.

use super::Timestamp;
use super::lenient::{is_empty, text};
use super::open_enum::open_enum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

open_enum! {
    /// How far a connection is set up. Source: `ConnectionState` in Apideck's OpenAPI description 10.34.0.
    pub enum ConnectionState {
        /// The connector can be added.
        Available = "available",
        /// Fully configured: API calls can be made.
        Callable = "callable",
        /// Added, not yet configured.
        Added = "added",
        /// Authorised, not yet configured.
        Authorized = "authorized",
        /// It does not work as it is configured.
        Invalid = "invalid",
    }
}

open_enum! {
    /// Whether a connection works. Source: `ConsumerConnection.health` in Apideck's OpenAPI description 10.34.0.
    pub enum Health {
        /// It works.
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
    /// How a connection is authorised. Source: `AuthType` in Apideck's OpenAPI description 10.34.0.
    pub enum AuthType {
        /// OAuth 2.0.
        OAuth2 = "oauth2",
        /// An API key.
        ApiKey = "apiKey",
        /// User name and password.
        Basic = "basic",
        /// The connector's own way.
        Custom = "custom",
        /// Nothing to authorise.
        None = "none",
    }
}

/// A consumer's connection, as Vault's events carry it. Texts are empty when Apideck left them out.
///
/// `Debug` does not print `settings` and `metadata`: they may hold end-user credentials.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// Id of the connection, such as `crm+salesforce` or `1111+test_user_id`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub id: String,
    /// Your customer: the consumer that the Vault session was opened for.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub consumer_id: String,
    /// The API that the connector belongs to, such as `crm`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub unified_api: String,
    /// The connector, such as `salesforce`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub service_id: String,
    /// The connector's name for people, such as `Salesforce`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub name: String,
    /// URL of the connector's icon.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub icon: String,
    /// URL of the connector's logo.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub logo: String,
    /// The connector's website.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub website: String,
    /// The connector in one sentence.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub tag_line: String,
    /// How the connection is authorised.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub auth_type: AuthType,
    /// Whether the consumer has it switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How far it is set up.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "is_empty")]
    pub state: ConnectionState,
    /// Whether it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Free-form settings. **May hold end-user credentials** such as an `api_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Value>>,
    /// Free-form metadata; `company_id` names the authorised organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// When the connection was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When its credentials expire. Sent only while a token refresh is failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_expire_at: Option<Timestamp>,
    /// When the token refresh last failed. Sent only while it is failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refresh_failed_at: Option<Timestamp>,
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
            .finish_non_exhaustive()
    }
}
