// #[on("vault.connection.callabel")] async fn start_sync(event: ConnectionCallable, State(db): State<Db>) {}

::core::compile_error! {
    "no event is called `vault.connection.callabel`: did you mean `vault.connection.callable`?"
}
#[doc(hidden)]
///Handles ``.
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
        __apideck_hooks::__private::Selector::Broken,
    ];
    const __PARAM_0: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <ConnectionCallable as __apideck_hooks::FromDelivery>::NEEDS,
        0usize,
        __ON,
    );
    const __PARAM_1: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <State<Db> as __apideck_hooks::FromDelivery>::NEEDS,
        1usize,
        __ON,
    );
    impl __apideck_hooks::__private::Listed for start_sync {
        const HANDLER: __apideck_hooks::__private::Handler = __apideck_hooks::__private::Handler::BROKEN;
    }
    struct __Function;
    impl __apideck_hooks::__private::Function for __Function {
        type Arguments = ();
        type Output = __apideck_hooks::Outcome;
        const OUTCOME: fn(__apideck_hooks::Outcome) -> __apideck_hooks::Outcome = |
            outcome|
        outcome;
        async fn call(_: ()) -> __apideck_hooks::Outcome {
            __apideck_hooks::Outcome::Ignore
        }
    }
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S>
    for start_sync {
        fn function() -> impl __apideck_hooks::__private::Function<
            Arguments: __apideck_hooks::__private::Arguments<__S>,
        > {
            __Function
        }
    }
};
