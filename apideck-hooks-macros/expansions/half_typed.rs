// #[on("vault.connection.callable")] async fn start_sync(event: ConnectionCallable) { event.entity. }

#[doc(hidden)]
///Handles `vault.connection.callable`.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
struct start_sync {}
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
        __apideck_hooks::__private::Selector::Exact(128u16),
    ];
    const __PARAM_0: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <ConnectionCallable as __apideck_hooks::FromDelivery>::NEEDS,
        0usize,
        __ON,
    );
    impl __apideck_hooks::__private::Listed for start_sync {
        const HANDLER: __apideck_hooks::__private::Handler = __apideck_hooks::__private::Handler::new(
            __ON,
            &[__PARAM_0],
        );
    }
    struct __Function;
    impl __apideck_hooks::__private::Function for __Function {
        type Arguments = (ConnectionCallable, ());
        type Output = ();
        const OUTCOME: fn(()) -> __apideck_hooks::Outcome = <() as __apideck_hooks::IntoOutcome>::into_outcome;
        fn call(
            (argument_0, ()): (ConnectionCallable, ()),
        ) -> impl ::core::future::Future<Output = Self::Output> + ::core::marker::Send {
            start_sync(argument_0)
        }
    }
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S>
    for start_sync
    where
        ConnectionCallable: __apideck_hooks::__private::Extract<__S>,
    {
        fn function() -> impl __apideck_hooks::__private::Function<
            Arguments: __apideck_hooks::__private::Arguments<__S>,
        > {
            __Function
        }
    }
};
