// #[on(unlisted = "vault.connection.create")] async fn created(event: ConnectionEvent) {}

#[doc(hidden)]
///Handles `vault.connection.create`.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
struct created {}
const _: () = {
    #[deprecated(
        note = "`vault.connection.create` is one letter away from `vault.connection.created`, which Apideck lists. If you mean another event, add `#[allow(deprecated)]` to the handler"
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
    const __HANDLER: __apideck_hooks::Handler = __apideck_hooks::with_first_parameter(
        __apideck_hooks::handles(
            &[__apideck_hooks::Selector::Unlisted("vault.connection.create")],
        ),
        <ConnectionEvent as __apideck_hooks::FromDelivery>::NEEDS,
    );
    impl __apideck_hooks::Annotated for created {
        const HANDLER: __apideck_hooks::Handler = __HANDLER;
    }
    fn __call(
        (argument_0, ()): (ConnectionEvent, ()),
    ) -> impl __apideck_hooks::Future<Output = ()> + __apideck_hooks::Send {
        let function = created;
        function(argument_0)
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
