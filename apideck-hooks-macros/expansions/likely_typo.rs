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
    use ::apideck_hooks::__private as __apideck_hooks;
    const __HANDLER: __apideck_hooks::Handler = __apideck_hooks::takes(
        __apideck_hooks::several(
            &[__apideck_hooks::Selector::Unlisted("vault.connection.create")],
        ),
        <ConnectionEvent as __apideck_hooks::FromDelivery>::NEEDS,
    );
    impl __apideck_hooks::Listed for created {
        const HANDLER: __apideck_hooks::Handler = __HANDLER;
    }
    fn __call(
        (argument_0, ()): (ConnectionEvent, ()),
    ) -> impl __apideck_hooks::Future<Output = ()> + __apideck_hooks::Send {
        created(argument_0)
    }
    impl<__S: __apideck_hooks::Sync> __apideck_hooks::Handle<__S> for created
    where
        ConnectionEvent: __apideck_hooks::Extract<__S>,
    {
        fn run<'__a>(
            __incoming: &'__a mut __apideck_hooks::Incoming,
            __state: &'__a __S,
        ) -> __apideck_hooks::Run<'__a> {
            __apideck_hooks::run(
                __incoming,
                __state,
                __call,
                <() as __apideck_hooks::IntoOutcome>::into_outcome,
            )
        }
    }
};
