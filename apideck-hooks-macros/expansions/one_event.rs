// #[on("vault.connection.callable")] pub async fn start_sync(event: ConnectionCallable, State(db): State<Db>) -> Result<(), DbError> {
// db.enqueue_sync(&event.entity.consumer_id).await
// }

#[doc(hidden)]
///Handles `vault.connection.callable`.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
pub struct start_sync {}
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
    const __PARAM_1: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <State<Db> as __apideck_hooks::FromDelivery>::NEEDS,
        1usize,
        __ON,
    );
    impl __apideck_hooks::__private::Listed for start_sync {
        const HANDLER: __apideck_hooks::__private::Handler = __apideck_hooks::__private::Handler::new(
            __ON,
            &[__PARAM_0, __PARAM_1],
        );
    }
    struct __Function;
    impl __apideck_hooks::__private::Function for __Function {
        type Arguments = (ConnectionCallable, (State<Db>, ()));
        type Output = Result<(), DbError>;
        const OUTCOME: fn(Result<(), DbError>) -> __apideck_hooks::Outcome = <Result<
            (),
            DbError,
        > as __apideck_hooks::IntoOutcome>::into_outcome;
        fn call(
            (argument_0, (argument_1, ())): (ConnectionCallable, (State<Db>, ())),
        ) -> impl ::core::future::Future<Output = Self::Output> + ::core::marker::Send {
            start_sync(argument_0, argument_1)
        }
    }
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S>
    for start_sync
    where
        ConnectionCallable: __apideck_hooks::__private::Extract<__S>,
        State<Db>: __apideck_hooks::__private::Extract<__S>,
    {
        fn function() -> impl __apideck_hooks::__private::Function<
            Arguments: __apideck_hooks::__private::Arguments<__S>,
        > {
            __Function
        }
    }
};
