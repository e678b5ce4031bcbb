//! The only table of events: the name, Rust name, family and meaning of every event that Apideck
//! lists.
//!
//! `#[on]` checks names against the table, and the runtime crate generates `EventType` and
//! `events::*` from it. Source: the webhook event list of Apideck's OpenAPI description 10.34.0
//! (August 2026).

use Family::{Connection, Resource};

/// The shape of an event's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// An event of Vault. Its payload holds the whole connection.
    Connection,
    /// An event of another API. Its payload holds a reference to fetch the resource by.
    Resource,
}

/// A row of the table.
pub(crate) struct Event {
    /// The name on the wire.
    pub(crate) name: &'static str,
    /// The variant of `EventType`, and the payload type in `events`.
    pub(crate) rust_name: &'static str,
    pub(crate) family: Family,
    /// The occasion on which Apideck sends the event.
    pub(crate) doc: &'static str,
}

const fn event(name: &'static str, rust_name: &'static str, family: Family, doc: &'static str) -> Event {
    Event {
        name,
        rust_name,
        family,
        doc,
    }
}

/// All events, sorted by name. An event's position is its index in the runtime crate.
#[rustfmt::skip]
pub(crate) static EVENTS: &[Event] = &[
    event("accounting.bill.created", "AccountingBillCreated", Resource, "A bill was created in the Accounting API."),
    event("accounting.bill.deleted", "AccountingBillDeleted", Resource, "A bill was deleted in the Accounting API."),
    event("accounting.bill.updated", "AccountingBillUpdated", Resource, "A bill was updated in the Accounting API."),
    event("accounting.bill_payment.created", "AccountingBillPaymentCreated", Resource, "A bill payment was created in the Accounting API."),
    event("accounting.bill_payment.deleted", "AccountingBillPaymentDeleted", Resource, "A bill payment was deleted in the Accounting API."),
    event("accounting.bill_payment.updated", "AccountingBillPaymentUpdated", Resource, "A bill payment was updated in the Accounting API."),
    event("accounting.credit_note.created", "AccountingCreditNoteCreated", Resource, "A credit note was created in the Accounting API."),
    event("accounting.credit_note.deleted", "AccountingCreditNoteDeleted", Resource, "A credit note was deleted in the Accounting API."),
    event("accounting.credit_note.updated", "AccountingCreditNoteUpdated", Resource, "A credit note was updated in the Accounting API."),
    event("accounting.customer.created", "AccountingCustomerCreated", Resource, "A customer was created in the Accounting API."),
    event("accounting.customer.deleted", "AccountingCustomerDeleted", Resource, "A customer was deleted in the Accounting API."),
    event("accounting.customer.updated", "AccountingCustomerUpdated", Resource, "A customer was updated in the Accounting API."),
    event("accounting.expense.created", "AccountingExpenseCreated", Resource, "An expense was created in the Accounting API."),
    event("accounting.expense.deleted", "AccountingExpenseDeleted", Resource, "An expense was deleted in the Accounting API."),
    event("accounting.expense.updated", "AccountingExpenseUpdated", Resource, "An expense was updated in the Accounting API."),
    event("accounting.invoice.created", "AccountingInvoiceCreated", Resource, "An invoice was created in the Accounting API."),
    event("accounting.invoice.deleted", "AccountingInvoiceDeleted", Resource, "An invoice was deleted in the Accounting API."),
    event("accounting.invoice.updated", "AccountingInvoiceUpdated", Resource, "An invoice was updated in the Accounting API."),
    event("accounting.invoice_item.created", "AccountingInvoiceItemCreated", Resource, "An invoice item was created in the Accounting API."),
    event("accounting.invoice_item.deleted", "AccountingInvoiceItemDeleted", Resource, "An invoice item was deleted in the Accounting API."),
    event("accounting.invoice_item.updated", "AccountingInvoiceItemUpdated", Resource, "An invoice item was updated in the Accounting API."),
    event("accounting.ledger_account.created", "AccountingLedgerAccountCreated", Resource, "A ledger account was created in the Accounting API."),
    event("accounting.ledger_account.deleted", "AccountingLedgerAccountDeleted", Resource, "A ledger account was deleted in the Accounting API."),
    event("accounting.ledger_account.updated", "AccountingLedgerAccountUpdated", Resource, "A ledger account was updated in the Accounting API."),
    event("accounting.payment.created", "AccountingPaymentCreated", Resource, "A payment was created in the Accounting API."),
    event("accounting.payment.deleted", "AccountingPaymentDeleted", Resource, "A payment was deleted in the Accounting API."),
    event("accounting.payment.updated", "AccountingPaymentUpdated", Resource, "A payment was updated in the Accounting API."),
    event("accounting.project.created", "AccountingProjectCreated", Resource, "A project was created in the Accounting API."),
    event("accounting.project.deleted", "AccountingProjectDeleted", Resource, "A project was deleted in the Accounting API."),
    event("accounting.project.updated", "AccountingProjectUpdated", Resource, "A project was updated in the Accounting API."),
    event("accounting.purchase_order.created", "AccountingPurchaseOrderCreated", Resource, "A purchase order was created in the Accounting API."),
    event("accounting.purchase_order.deleted", "AccountingPurchaseOrderDeleted", Resource, "A purchase order was deleted in the Accounting API."),
    event("accounting.purchase_order.updated", "AccountingPurchaseOrderUpdated", Resource, "A purchase order was updated in the Accounting API."),
    event("accounting.quote.created", "AccountingQuoteCreated", Resource, "A quote was created in the Accounting API."),
    event("accounting.quote.deleted", "AccountingQuoteDeleted", Resource, "A quote was deleted in the Accounting API."),
    event("accounting.quote.updated", "AccountingQuoteUpdated", Resource, "A quote was updated in the Accounting API."),
    event("accounting.supplier.created", "AccountingSupplierCreated", Resource, "A supplier was created in the Accounting API."),
    event("accounting.supplier.deleted", "AccountingSupplierDeleted", Resource, "A supplier was deleted in the Accounting API."),
    event("accounting.supplier.updated", "AccountingSupplierUpdated", Resource, "A supplier was updated in the Accounting API."),
    event("accounting.tax_rate.created", "AccountingTaxRateCreated", Resource, "A tax rate was created in the Accounting API."),
    event("accounting.tax_rate.deleted", "AccountingTaxRateDeleted", Resource, "A tax rate was deleted in the Accounting API."),
    event("accounting.tax_rate.updated", "AccountingTaxRateUpdated", Resource, "A tax rate was updated in the Accounting API."),
    event("accounting.tracking_category.created", "AccountingTrackingCategoryCreated", Resource, "A tracking category was created in the Accounting API."),
    event("accounting.tracking_category.deleted", "AccountingTrackingCategoryDeleted", Resource, "A tracking category was deleted in the Accounting API."),
    event("accounting.tracking_category.updated", "AccountingTrackingCategoryUpdated", Resource, "A tracking category was updated in the Accounting API."),
    event("ats.applicant.created", "AtsApplicantCreated", Resource, "An applicant was created in the ATS API."),
    event("ats.applicant.deleted", "AtsApplicantDeleted", Resource, "An applicant was deleted in the ATS API."),
    event("ats.applicant.updated", "AtsApplicantUpdated", Resource, "An applicant was updated in the ATS API."),
    event("ats.application.created", "AtsApplicationCreated", Resource, "An application was created in the ATS API."),
    event("ats.application.deleted", "AtsApplicationDeleted", Resource, "An application was deleted in the ATS API."),
    event("ats.application.updated", "AtsApplicationUpdated", Resource, "An application was updated in the ATS API."),
    event("ats.job.created", "AtsJobCreated", Resource, "A job was created in the ATS API."),
    event("ats.job.deleted", "AtsJobDeleted", Resource, "A job was deleted in the ATS API."),
    event("ats.job.updated", "AtsJobUpdated", Resource, "A job was updated in the ATS API."),
    event("crm.activity.created", "CrmActivityCreated", Resource, "An activity was created in the CRM API."),
    event("crm.activity.deleted", "CrmActivityDeleted", Resource, "An activity was deleted in the CRM API."),
    event("crm.activity.updated", "CrmActivityUpdated", Resource, "An activity was updated in the CRM API."),
    event("crm.company.created", "CrmCompanyCreated", Resource, "A company was created in the CRM API."),
    event("crm.company.deleted", "CrmCompanyDeleted", Resource, "A company was deleted in the CRM API."),
    event("crm.company.updated", "CrmCompanyUpdated", Resource, "A company was updated in the CRM API."),
    event("crm.contact.created", "CrmContactCreated", Resource, "A contact was created in the CRM API."),
    event("crm.contact.deleted", "CrmContactDeleted", Resource, "A contact was deleted in the CRM API."),
    event("crm.contact.updated", "CrmContactUpdated", Resource, "A contact was updated in the CRM API."),
    event("crm.lead.created", "CrmLeadCreated", Resource, "A lead was created in the CRM API."),
    event("crm.lead.deleted", "CrmLeadDeleted", Resource, "A lead was deleted in the CRM API."),
    event("crm.lead.updated", "CrmLeadUpdated", Resource, "A lead was updated in the CRM API."),
    event("crm.note.created", "CrmNoteCreated", Resource, "A note was created in the CRM API."),
    event("crm.note.deleted", "CrmNoteDeleted", Resource, "A note was deleted in the CRM API."),
    event("crm.note.updated", "CrmNoteUpdated", Resource, "A note was updated in the CRM API."),
    event("crm.opportunity.created", "CrmOpportunityCreated", Resource, "An opportunity was created in the CRM API."),
    event("crm.opportunity.deleted", "CrmOpportunityDeleted", Resource, "An opportunity was deleted in the CRM API."),
    event("crm.opportunity.updated", "CrmOpportunityUpdated", Resource, "An opportunity was updated in the CRM API."),
    event("ecommerce.customer.created", "EcommerceCustomerCreated", Resource, "A customer was created in the Ecommerce API."),
    event("ecommerce.customer.deleted", "EcommerceCustomerDeleted", Resource, "A customer was deleted in the Ecommerce API."),
    event("ecommerce.customer.updated", "EcommerceCustomerUpdated", Resource, "A customer was updated in the Ecommerce API."),
    event("ecommerce.order.created", "EcommerceOrderCreated", Resource, "An order was created in the Ecommerce API."),
    event("ecommerce.order.deleted", "EcommerceOrderDeleted", Resource, "An order was deleted in the Ecommerce API."),
    event("ecommerce.order.updated", "EcommerceOrderUpdated", Resource, "An order was updated in the Ecommerce API."),
    event("ecommerce.product.created", "EcommerceProductCreated", Resource, "A product was created in the Ecommerce API."),
    event("ecommerce.product.deleted", "EcommerceProductDeleted", Resource, "A product was deleted in the Ecommerce API."),
    event("ecommerce.product.updated", "EcommerceProductUpdated", Resource, "A product was updated in the Ecommerce API."),
    event("file-storage.drive.updated", "FileStorageDriveUpdated", Resource, "A drive was updated in the File Storage API."),
    event("file-storage.file.created", "FileStorageFileCreated", Resource, "A file was created in the File Storage API."),
    event("file-storage.file.deleted", "FileStorageFileDeleted", Resource, "A file was deleted in the File Storage API."),
    event("file-storage.file.updated", "FileStorageFileUpdated", Resource, "A file was updated in the File Storage API."),
    event("hris.company.created", "HrisCompanyCreated", Resource, "A company was created in the HRIS API."),
    event("hris.company.deleted", "HrisCompanyDeleted", Resource, "A company was deleted in the HRIS API."),
    event("hris.company.updated", "HrisCompanyUpdated", Resource, "A company was updated in the HRIS API."),
    event("hris.employee.created", "HrisEmployeeCreated", Resource, "An employee was created in the HRIS API."),
    event("hris.employee.deleted", "HrisEmployeeDeleted", Resource, "An employee was deleted in the HRIS API."),
    event("hris.employee.terminated", "HrisEmployeeTerminated", Resource, "An employee was terminated in the HRIS API."),
    event("hris.employee.updated", "HrisEmployeeUpdated", Resource, "An employee was updated in the HRIS API."),
    event("hris.time-off-request.created", "HrisTimeOffRequestCreated", Resource, "A time off request was created in the HRIS API."),
    event("hris.time-off-request.deleted", "HrisTimeOffRequestDeleted", Resource, "A time off request was deleted in the HRIS API."),
    event("hris.time-off-request.updated", "HrisTimeOffRequestUpdated", Resource, "A time off request was updated in the HRIS API."),
    event("issue-tracking.ticket.created", "IssueTrackingTicketCreated", Resource, "A ticket was created in the Issue Tracking API."),
    event("issue-tracking.ticket.deleted", "IssueTrackingTicketDeleted", Resource, "A ticket was deleted in the Issue Tracking API."),
    event("issue-tracking.ticket.updated", "IssueTrackingTicketUpdated", Resource, "A ticket was updated in the Issue Tracking API."),
    event("lead.lead.created", "LeadLeadCreated", Resource, "A lead was created in the Lead API."),
    event("lead.lead.deleted", "LeadLeadDeleted", Resource, "A lead was deleted in the Lead API."),
    event("lead.lead.updated", "LeadLeadUpdated", Resource, "A lead was updated in the Lead API."),
    event("pos.item.created", "PosItemCreated", Resource, "An item was created in the POS API."),
    event("pos.item.deleted", "PosItemDeleted", Resource, "An item was deleted in the POS API."),
    event("pos.item.updated", "PosItemUpdated", Resource, "An item was updated in the POS API."),
    event("pos.location.created", "PosLocationCreated", Resource, "A location was created in the POS API."),
    event("pos.location.deleted", "PosLocationDeleted", Resource, "A location was deleted in the POS API."),
    event("pos.location.updated", "PosLocationUpdated", Resource, "A location was updated in the POS API."),
    event("pos.merchant.created", "PosMerchantCreated", Resource, "A merchant was created in the POS API."),
    event("pos.merchant.deleted", "PosMerchantDeleted", Resource, "A merchant was deleted in the POS API."),
    event("pos.merchant.updated", "PosMerchantUpdated", Resource, "A merchant was updated in the POS API."),
    event("pos.modifier-group.created", "PosModifierGroupDashedCreated", Resource, "A modifier group was created in the POS API. Apideck lists this spelling beside `pos.modifier_group.created`."),
    event("pos.modifier-group.deleted", "PosModifierGroupDashedDeleted", Resource, "A modifier group was deleted in the POS API. Apideck lists this spelling beside `pos.modifier_group.deleted`."),
    event("pos.modifier-group.updated", "PosModifierGroupDashedUpdated", Resource, "A modifier group was updated in the POS API. Apideck lists this spelling beside `pos.modifier_group.updated`."),
    event("pos.modifier.created", "PosModifierCreated", Resource, "A modifier was created in the POS API."),
    event("pos.modifier.deleted", "PosModifierDeleted", Resource, "A modifier was deleted in the POS API."),
    event("pos.modifier.updated", "PosModifierUpdated", Resource, "A modifier was updated in the POS API."),
    event("pos.modifier_group.created", "PosModifierGroupCreated", Resource, "A modifier group was created in the POS API. Apideck lists this spelling beside `pos.modifier-group.created`."),
    event("pos.modifier_group.deleted", "PosModifierGroupDeleted", Resource, "A modifier group was deleted in the POS API. Apideck lists this spelling beside `pos.modifier-group.deleted`."),
    event("pos.modifier_group.updated", "PosModifierGroupUpdated", Resource, "A modifier group was updated in the POS API. Apideck lists this spelling beside `pos.modifier-group.updated`."),
    event("pos.order.created", "PosOrderCreated", Resource, "An order was created in the POS API."),
    event("pos.order.deleted", "PosOrderDeleted", Resource, "An order was deleted in the POS API."),
    event("pos.order.updated", "PosOrderUpdated", Resource, "An order was updated in the POS API."),
    event("pos.payment.created", "PosPaymentCreated", Resource, "A payment was created in the POS API."),
    event("pos.payment.deleted", "PosPaymentDeleted", Resource, "A payment was deleted in the POS API."),
    event("pos.payment.updated", "PosPaymentUpdated", Resource, "A payment was updated in the POS API."),
    event("pos.product.created", "PosProductCreated", Resource, "A product was created in the POS API."),
    event("pos.product.deleted", "PosProductDeleted", Resource, "A product was deleted in the POS API."),
    event("pos.product.updated", "PosProductUpdated", Resource, "A product was updated in the POS API."),
    event("vault.connection.callable", "ConnectionCallable", Connection, "A connection is fully configured and API calls can be made. A first sync can start."),
    event("vault.connection.created", "ConnectionCreated", Connection, "A consumer added a connection."),
    event("vault.connection.deleted", "ConnectionDeleted", Connection, "A connection was removed."),
    event("vault.connection.disabled", "ConnectionDisabled", Connection, "A connection was switched off."),
    event("vault.connection.downstream.degraded", "ConnectionDownstreamDegraded", Connection, "The connector's own service is degraded."),
    event("vault.connection.downstream.recovered", "ConnectionDownstreamRecovered", Connection, "The connector's own service works again."),
    event("vault.connection.migrated", "ConnectionMigrated", Connection, "A connection moved to another connector. `vault.connection.created` is sent for the target and `vault.connection.deleted` for the source."),
    event("vault.connection.revoked", "ConnectionRevoked", Connection, "Access was revoked downstream."),
    event("vault.connection.token_refresh.failed", "ConnectionTokenRefreshFailed", Connection, "The refresh of the OAuth token failed."),
    event("vault.connection.token_refresh.pending", "ConnectionTokenRefreshPending", Connection, "The refresh of the OAuth token is pending."),
    event("vault.connection.token_refresh.recovered", "ConnectionTokenRefreshRecovered", Connection, "The refresh of the OAuth token works again."),
    event("vault.connection.updated", "ConnectionUpdated", Connection, "A connection's settings or state changed."),
];

#[cfg(test)]
mod tests {
    use super::EVENTS;
    use std::collections::HashSet;

    #[test]
    fn is_sorted_and_without_duplicates() {
        assert!(EVENTS.windows(2).all(|pair| pair[0].name < pair[1].name));
        let rust_names: HashSet<_> = EVENTS.iter().map(|event| event.rust_name).collect();
        assert_eq!(rust_names.len(), EVENTS.len());
    }
}
