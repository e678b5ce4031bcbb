//! Random bodies of events. Most have fields of the documented types, and many have an odd one.

use super::document::Generator;

const EVENT_TYPES: [&str; 7] = [
    "vault.connection.created",
    "vault.connection.migrated",
    "vault.connection.brand_new",
    "vault.session.created",
    "crm.lead.created",
    "billing.invoice.paid",
    "vault",
];

const FIELDS: [&str; 13] = [
    "event_id",
    "unified_api",
    "service_id",
    "consumer_id",
    "entity_id",
    "entity_type",
    "entity_url",
    "execution_attempt",
    "occurred_at",
    "migrated_from",
    "event_type",
    "brand_new",
    "entity",
];

const ENTITY_FIELDS: [&str; 20] = [
    "id",
    "consumer_id",
    "unified_api",
    "service_id",
    "name",
    "icon",
    "logo",
    "website",
    "tag_line",
    "auth_type",
    "enabled",
    "state",
    "health",
    "settings",
    "metadata",
    "created_at",
    "updated_at",
    "credentials_expire_at",
    "migrated_from",
    "brand_new",
];

impl Generator {
    /// Generates the next body.
    pub(super) fn body(&mut self) -> Vec<u8> {
        self.begin();
        self.put("{");
        if self.one_in(10) {
            self.member("brand_new", |this| this.value(3));
            self.put(",");
        }
        if self.one_in(20) {
            self.member("payload", |this| this.value(2));
            self.put(",");
        }
        if self.one_in(50) {
            self.member("payload", |this| this.value(3));
        } else {
            self.member("payload", Self::payload);
        }
        self.put("}");
        self.end(30)
    }

    fn member(&mut self, key: &str, value: impl FnOnce(&mut Self)) {
        self.gap();
        self.spelled(key);
        self.gap();
        self.put(":");
        self.gap();
        value(self);
        self.gap();
    }

    fn payload(&mut self) {
        self.put("{");
        for _ in 0..self.below(10) {
            let field = self.pick(&FIELDS);
            self.member(field, |this| this.field(field));
            self.put(",");
        }
        if self.one_in(2) {
            self.member("entity", |this| this.field("entity"));
            self.put(",");
        }
        self.member("event_type", |this| this.field("event_type"));
        if self.one_in(3) {
            self.put(",");
            self.member("event_id", |this| this.field("event_id"));
        }
        self.put("}");
    }

    fn entity(&mut self) {
        self.put("{");
        for at in 0..self.below(12) {
            if at > 0 {
                self.put(",");
            }
            let field = self.pick(&ENTITY_FIELDS);
            self.member(field, |this| this.field(field));
        }
        self.put("}");
    }

    /// Writes a value for a field, which fits it most of the time.
    fn field(&mut self, field: &str) {
        if self.one_in(12) {
            return self.value(2);
        }
        match field {
            "event_type" => {
                let name = self.pick(&EVENT_TYPES);
                self.spelled(name);
            }
            // An entity of another type is the only field that costs the event.
            "entity" if self.one_in(4) => self.value(2),
            "entity" => self.entity(),
            "settings" | "metadata" => self.object(3),
            "enabled" => {
                let flag = self.pick(&["true", "false", "null"]);
                self.put(flag);
            }
            "execution_attempt" if self.one_in(2) => self.number(),
            "execution_attempt" => {
                let count = self.below(12).to_string();
                self.put(&count);
            }
            "migrated_from" => {
                let from = self.pick(&["\"pipedrive\"", "{\"service_id\":\"close\"}", "{}", "null", "7"]);
                self.put(from);
            }
            "brand_new" => self.value(3),
            _ if self.one_in(4) => self.string(),
            _ if self.one_in(6) => self.number(),
            _ => {
                let text = self.pick(&[
                    "",
                    "1111+test",
                    "oauth2",
                    "callable",
                    "ok",
                    "2020-09-19T12:18:37.071Z",
                ]);
                self.spelled(text);
            }
        }
    }
}
