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
    const __PARAM_0: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <ConnectionEvent as __apideck_hooks::FromDelivery>::NEEDS,
        0usize,
        __ON,
    );
    impl __apideck_hooks::__private::Listed for created {
        const HANDLER: __apideck_hooks::__private::Handler = __apideck_hooks::__private::Handler::new(
            __ON,
            &[__PARAM_0],
        );
    }
    struct __Function;
    impl __apideck_hooks::__private::Function for __Function {
        type Arguments = (ConnectionEvent, ());
        type Output = ();
        const OUTCOME: fn(()) -> __apideck_hooks::Outcome = <() as __apideck_hooks::IntoOutcome>::into_outcome;
        fn call(
            (argument_0, ()): (ConnectionEvent, ()),
        ) -> impl ::core::future::Future<Output = Self::Output> + ::core::marker::Send {
            created(argument_0)
        }
    }
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S> for created
    where
        ConnectionEvent: __apideck_hooks::__private::Extract<__S>,
    {
        fn function() -> impl __apideck_hooks::__private::Function<
            Arguments: __apideck_hooks::__private::Arguments<__S>,
        > {
            __Function
        }
    }
};
