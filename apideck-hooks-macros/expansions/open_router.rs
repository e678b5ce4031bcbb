// router![crate = hooks; start_sync, ..]

const _: () = {
    use hooks as __apideck_hooks;
    macro_rules! a_handler_is_a_function_with_the_attribute_on {
        () => {
            type __Handler0 = start_sync;
        };
    }
    a_handler_is_a_function_with_the_attribute_on!();
    const __HANDLERS: &[__apideck_hooks::__private::Entry] = &[
        __apideck_hooks::__private::Entry {
            name: "start_sync",
            handler: <__Handler0 as __apideck_hooks::__private::Listed>::HANDLER,
        },
    ];
    const __CLAIMS: &__apideck_hooks::__private::Claims = &__apideck_hooks::__private::Claims::new(
        __HANDLERS,
    );
    const _: () = __CLAIMS.check(0u16);
    static __PLAN: __apideck_hooks::__private::Plan = __apideck_hooks::__private::Plan::new(
        __HANDLERS,
    );
    #[doc(hidden)]
    #[derive(::core::clone::Clone, ::core::marker::Copy)]
    pub struct Router<const LEN: ::core::primitive::usize>;
    impl<
        __S,
        const LEN: ::core::primitive::usize,
    > __apideck_hooks::__private::Routes<__S> for Router<LEN>
    where
        __S: ::core::marker::Send + ::core::marker::Sync + 'static,
        __Handler0: __apideck_hooks::__private::Handle<__S>,
    {
        fn plan(&self) -> &'static __apideck_hooks::__private::Plan {
            &__PLAN
        }
        fn dispatch(
            &self,
            route: ::core::primitive::u16,
            incoming: &mut __apideck_hooks::__private::Incoming,
            state: &__S,
        ) -> impl ::core::future::Future<
            Output = __apideck_hooks::Outcome,
        > + ::core::marker::Send {
            <__apideck_hooks::__private::One<
                __Handler0,
            > as __apideck_hooks::__private::Dispatch<
                __S,
            >>::dispatch(route, incoming, state)
        }
    }
    Router::<{ __HANDLERS.len() }>
};
