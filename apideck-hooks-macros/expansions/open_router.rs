// router![crate = hooks; start_sync, ..]

const _: () = {
    use hooks::__private as __apideck_hooks;
    macro_rules! a_handler_is_a_function_with_the_attribute_on {
        () => {
            type __Handler0 = start_sync;
        };
    }
    a_handler_is_a_function_with_the_attribute_on!();
    {
        const __HANDLERS: &[__apideck_hooks::Entry] = &[
            __apideck_hooks::Entry {
                name: "start_sync",
                handler: <__Handler0 as __apideck_hooks::Annotated>::HANDLER,
            },
        ];
        const __FIRST_HANDLERS: &__apideck_hooks::FirstHandlers = &__apideck_hooks::FirstHandlers::new(
            __HANDLERS,
        );
        const _: () = __apideck_hooks::check_conflict(__FIRST_HANDLERS, 0u16);
        static __PLAN: __apideck_hooks::Plan = __apideck_hooks::Plan::new(__HANDLERS);
        #[doc(hidden)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct Router<const LEN: __apideck_hooks::usize>;
        impl<__S, const LEN: __apideck_hooks::usize> __apideck_hooks::Routes<__S>
        for Router<LEN>
        where
            __S: __apideck_hooks::Send + __apideck_hooks::Sync + 'static,
            __Handler0: __apideck_hooks::Handle<__S>,
        {
            fn plan(&self) -> &'static __apideck_hooks::Plan {
                &__PLAN
            }
            fn runs(&self) -> &__apideck_hooks::Runs<__S> {
                &[<__Handler0 as __apideck_hooks::Handle<__S>>::run]
            }
        }
        Router::<{ __HANDLERS.len() }>
    }
};
