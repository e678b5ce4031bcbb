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
    const __HANDLER: __apideck_hooks::Handler = __apideck_hooks::with_first_parameter(
        __apideck_hooks::BROKEN,
        <ConnectionCallable as __apideck_hooks::FromDelivery>::NEEDS,
    );
    impl __apideck_hooks::Annotated for start_sync {
        const HANDLER: __apideck_hooks::Handler = __apideck_hooks::BROKEN;
    }
    impl<__S> __apideck_hooks::Handle<__S> for start_sync {
        fn run<'__a>(
            __incoming: &'__a mut __apideck_hooks::Incoming,
            __state: &'__a __S,
        ) -> __apideck_hooks::Run<'__a> {
            __apideck_hooks::run_nothing(__incoming, __state)
        }
    }
};
