// #[on(unlisted = "vault.connection.create")] async fn created(event: ConnectionEvent) {}

#[doc(hidden)]
///Handles `vault.connection.create`.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
struct created {}
const _: () = {
    #[deprecated(
        note = "Apideck lists `vault.connection.created`, which is one letter away from `vault.connection.create`. If this is another event, put `#[allow(deprecated)]` on the handler"
    )]
    const LIKELY_TYPO: () = ();
    LIKELY_TYPO
};
#[doc(hidden)]
#[allow(
    deprecated,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
const _: () = {
    use ::apideck_hooks as __apideck_hooks;
    const __ON: &[__apideck_hooks::__private::Selector] = &[
        __apideck_hooks::__private::Selector::Unlisted("vault.connection.create"),
    ];
    const __PARAM_0: ::core::option::Option<&'static ::core::primitive::str> = {
        let needs = <ConnectionEvent as __apideck_hooks::FromDelivery>::NEEDS;
        match __apideck_hooks::__private::check_param(needs, 0usize, __ON) {
            ::core::option::Option::None => needs.transaction,
            ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
        }
    };
    #[automatically_derived]
    impl __apideck_hooks::__private::Listed for created {
        const ON: &'static [__apideck_hooks::__private::Selector] = {
            let _ = __PARAM_0;
            __ON
        };
        const TRANSACTION: ::core::option::Option<&'static ::core::primitive::str> = match __apideck_hooks::__private::one_transaction(
            &[__PARAM_0],
        ) {
            ::core::result::Result::Ok(transaction) => transaction,
            ::core::result::Result::Err(fault) => ::core::panic!("{}", fault.as_str()),
        };
    }
    #[automatically_derived]
    impl<__S> __apideck_hooks::__private::Handle<__S> for created
    where
        __S: ::core::marker::Send + ::core::marker::Sync,
        ConnectionEvent: __apideck_hooks::__private::Extract<__S>,
    {
        fn call(
            delivery: &mut __apideck_hooks::__private::Incoming,
            state: &__S,
        ) -> impl ::core::future::Future<
            Output = __apideck_hooks::Outcome,
        > + ::core::marker::Send {
            async move {
                let argument_0 = match <ConnectionEvent as __apideck_hooks::__private::Extract<
                    __S,
                >>::extract(delivery, state)
                    .await
                {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(outcome) => return outcome,
                };
                let returned = created(argument_0).await;
                <() as __apideck_hooks::IntoOutcome>::into_outcome(returned)
            }
        }
    }
};
