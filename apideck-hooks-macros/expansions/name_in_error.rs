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
    use ::apideck_hooks::__private as __apideck_hooks;
    const __HANDLER: __apideck_hooks::Handler = __apideck_hooks::takes(
        __apideck_hooks::BROKEN,
        <ConnectionCallable as __apideck_hooks::FromDelivery>::NEEDS,
    );
    impl __apideck_hooks::Listed for start_sync {
        const HANDLER: __apideck_hooks::Handler = __apideck_hooks::BROKEN;
    }
    struct __Function;
    impl __apideck_hooks::Function for __Function {
        type Arguments = ();
        type Output = __apideck_hooks::Outcome;
        const OUTCOME: fn(__apideck_hooks::Outcome) -> __apideck_hooks::Outcome = |
            outcome|
        outcome;
        async fn call(_: ()) -> __apideck_hooks::Outcome {
            __apideck_hooks::Outcome::Ignore
        }
    }
    impl<__S: __apideck_hooks::Sync> __apideck_hooks::Handle<__S> for start_sync {
        fn function() -> impl __apideck_hooks::Function<
            Arguments: __apideck_hooks::Arguments<__S>,
        > {
            __Function
        }
    }
};
