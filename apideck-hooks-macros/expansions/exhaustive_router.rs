// router![start_sync, crm::people]

const _: () = {
    use ::apideck_hooks as __apideck_hooks;
    macro_rules! a_handler_is_a_function_with_the_attribute_on {
        () => {
            type __Handler0 = start_sync; type __Handler1 = crm::people;
        };
    }
    a_handler_is_a_function_with_the_attribute_on!();
    const __HANDLERS: &[__apideck_hooks::__private::Entry] = &[
        __apideck_hooks::__private::Entry {
            name: "start_sync",
            on: <__Handler0 as __apideck_hooks::__private::Listed>::ON,
            transaction: <__Handler0 as __apideck_hooks::__private::Listed>::TRANSACTION,
        },
        __apideck_hooks::__private::Entry {
            name: "crm::people",
            on: <__Handler1 as __apideck_hooks::__private::Listed>::ON,
            transaction: <__Handler1 as __apideck_hooks::__private::Listed>::TRANSACTION,
        },
    ];
    const __CLAIMS: __apideck_hooks::__private::Claims = __apideck_hooks::__private::Claims::new(
        __HANDLERS,
    );
    const _: () = match __apideck_hooks::__private::conflict(
        __HANDLERS,
        &__CLAIMS,
        0u16,
    ) {
        ::core::option::Option::None => {}
        ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
    };
    const _: () = match __apideck_hooks::__private::conflict(
        __HANDLERS,
        &__CLAIMS,
        1u16,
    ) {
        ::core::option::Option::None => {}
        ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
    };
    const _: () = match __apideck_hooks::__private::gap(__HANDLERS) {
        ::core::option::Option::None => {}
        ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
    };
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
        __Handler1: __apideck_hooks::__private::Handle<__S>,
    {
        fn plan(&self) -> &'static __apideck_hooks::__private::Plan {
            &__PLAN
        }
        fn dispatch(
            &self,
            __route: ::core::primitive::u16,
            __delivery: &mut __apideck_hooks::__private::Incoming,
            __state: &__S,
        ) -> impl ::core::future::Future<
            Output = __apideck_hooks::Outcome,
        > + ::core::marker::Send {
            async move {
                match __route {
                    0u16 => {
                        <__Handler0 as __apideck_hooks::__private::Handle<
                            __S,
                        >>::call(__delivery, __state)
                            .await
                    }
                    1u16 => {
                        <__Handler1 as __apideck_hooks::__private::Handle<
                            __S,
                        >>::call(__delivery, __state)
                            .await
                    }
                    _ => __apideck_hooks::Outcome::Ignore,
                }
            }
        }
    }
    Router::<{ __HANDLERS.len() }>
};
